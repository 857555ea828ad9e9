//! Whether a code is redeemed: everything that is checked before it is used up (licensing contract, sections 5.3 and 5.4).

use super::claims::TenantId;
use super::code_state::CodeState;
use super::edition::{Edition, TenantStatus};
pub use super::redeem_rejection::Rejection;
use std::fmt;

/// Most characters of an appliance id (contract, section 10).
const APPLIANCE_ID_MAX: usize = 128;

/// The id that an appliance gives itself: `^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`. A label and no proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplianceId(String);

impl ApplianceId {
    /// Takes an id; none when it breaks the rule. An id is kept as it was sent, whatever its form.
    pub fn parse(text: &str) -> Option<Self> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
        (starts && text.len() <= APPLIANCE_ID_MAX && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplianceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant as a request names it: the text may be no UUID, and then it is no tenant that the registry knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedTenant {
    /// A UUID.
    Id(TenantId),
    /// Something else.
    Unreadable,
}

impl NamedTenant {
    /// Reads a member of the request; an empty text names nobody.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        Some(TenantId::parse(text).map_or(Self::Unreadable, Self::Id))
    }

    /// The id, where there is one.
    pub const fn id(&self) -> Option<&TenantId> {
        match self {
            Self::Id(id) => Some(id),
            Self::Unreadable => None,
        }
    }

    fn is(&self, tenant: &TenantId) -> bool {
        self.id() == Some(tenant)
    }
}

/// Whether the caller can use a code that brings no licence (`require_license`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenseNeed {
    /// A first installation takes what the code gives.
    Optional,
    /// An upgrade is for the licence only.
    Required,
}

/// A request, beside its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeemRequest {
    /// `appliance_id`; none when it broke the rule.
    pub appliance: Option<ApplianceId>,
    /// `tenant_id`: the tenant of a code that has none; otherwise ignored.
    pub named_tenant: Option<NamedTenant>,
    /// `expected_tenant_id`: the tenant of an appliance that is installed.
    pub expected_tenant: Option<NamedTenant>,
    /// `require_license`.
    pub need: LicenseNeed,
}

/// What the registry knows of the request's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// There is no key, or nothing was redeemed under it.
    Fresh,
    /// This very request redeemed this code under it, and its answer can be given again.
    Answered,
    /// This very request redeemed this code under it, and its answer is gone: the time is over, an appliance has checked in
    /// with it, its appliance was revoked, or a newer code replaced it.
    Forgotten,
    /// Another request was answered under it.
    OtherRequest,
}

/// The tenant that a code is, or would be, redeemed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFacts {
    /// Its id.
    pub id: TenantId,
    /// Its status.
    pub status: TenantStatus,
    /// Its edition.
    pub edition: Edition,
    /// Whether another entitlement than the code's names it.
    pub has_other_entitlement: bool,
}

/// The entitlement by which a code is redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitlementFacts {
    /// The tenant it is bound to.
    pub tenant: Option<TenantId>,
    /// Not revoked.
    pub active: bool,
}

/// What the registry knows of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    /// What it is worth at the database's time.
    pub state: CodeState,
    /// The tenant on its row; none on codes of old subscriptions.
    pub tenant: Option<TenantId>,
    /// The registry's row of that tenant, or else of the tenant that the request names.
    pub registered: Option<TenantFacts>,
    /// The entitlement of its row, or else one of its tenant's; none for a tenant of essentials.
    pub entitlement: Option<EntitlementFacts>,
    /// The idempotency key.
    pub key: KeyUse,
}

/// What a redemption gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The tenant's identity.
    Identity,
    /// A licence and a credential as well.
    License,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The code stays as it is.
    Refuse(Rejection),
    /// The first answer is given again, byte for byte.
    Replay,
    /// The code may be consumed, by one statement that asks all of this again.
    Redeem {
        /// For whom.
        tenant: TenantId,
        /// With what.
        grant: Grant,
    },
}

/// Decides about a request; `found` is none for a code that is malformed or unknown.
///
/// The order is the contract's (section 5.3): request well formed, code state, tenant status, tenant known,
/// `expected_tenant_id`, `require_license`, entitlement active. The attempt budget comes before all of it. Total; the reason
/// is that of the first check that fails.
pub fn decide(request: &RedeemRequest, found: Option<&CodeFacts>) -> Decision {
    judge(request, found).unwrap_or_else(Decision::Refuse)
}

fn judge(request: &RedeemRequest, found: Option<&CodeFacts>) -> Result<Decision, Rejection> {
    if request.appliance.is_none() {
        return Err(Rejection::InvalidApplianceId);
    }
    let code = found.ok_or(Rejection::InvalidClaimCode)?;
    let redeemed = is_redeemed(code)?;
    let good = |tenant: &TenantFacts| tenant.status.is_in_good_standing();
    if code.registered.as_ref().is_some_and(|tenant| !good(tenant)) {
        return Err(Rejection::TenantSuspended);
    }
    let inactive = is_inactive(code);
    if redeemed {
        return if inactive { Err(Rejection::EntitlementInactive) } else { Ok(Decision::Replay) };
    }
    let tenant = tenant_of(request, code)?;
    if request.expected_tenant.as_ref().is_some_and(|expected| !expected.is(&tenant)) {
        return Err(Rejection::TenantMismatch);
    }
    let grant = if code.entitlement.is_some() { Grant::License } else { Grant::Identity };
    match (request.need, grant) {
        (LicenseNeed::Required, Grant::Identity) => return Err(Rejection::NoLicenseOnCode),
        (LicenseNeed::Required, Grant::License) | (LicenseNeed::Optional, Grant::Identity | Grant::License) => {}
    }
    // A pro installation without a licence is one that no appliance accepts: the code would be burned for nothing.
    let unlicensed =
        grant == Grant::Identity && code.registered.as_ref().is_some_and(|row| row.edition == Edition::Pro);
    if inactive || unlicensed { Err(Rejection::EntitlementInactive) } else { Ok(Decision::Redeem { tenant, grant }) }
}

/// Whether the code's entitlement is over, or another tenant's by now.
fn is_inactive(code: &CodeFacts) -> bool {
    let Some(entitlement) = &code.entitlement else { return false };
    let tenant = code.registered.as_ref().map(|tenant| &tenant.id);
    !entitlement.active || entitlement.tenant.as_ref().is_some_and(|bound| tenant != Some(bound))
}

/// Whether this request has redeemed the code already; otherwise the code is live and the key free.
fn is_redeemed(code: &CodeFacts) -> Result<bool, Rejection> {
    match (code.state, code.key) {
        (CodeState::Consumed, KeyUse::Answered) => Ok(true),
        (CodeState::Consumed, KeyUse::Fresh | KeyUse::Forgotten) => Err(Rejection::ConsumedClaimCode),
        (CodeState::Revoked, _) => Err(Rejection::SupersededClaimCode),
        (CodeState::Expired, _) => Err(Rejection::ExpiredClaimCode),
        (CodeState::Live, KeyUse::Fresh) => Ok(false),
        // A live code has no answer of its own: what is known under the key belongs to another code.
        (CodeState::Consumed, KeyUse::OtherRequest)
        | (CodeState::Live, KeyUse::OtherRequest | KeyUse::Answered | KeyUse::Forgotten) => {
            Err(Rejection::IdempotencyConflict)
        }
    }
}

/// The tenant of the code, or else the one that the request names for it (contract, section 15, "Old codes").
fn tenant_of(request: &RedeemRequest, code: &CodeFacts) -> Result<TenantId, Rejection> {
    if let Some(tenant) = &code.tenant {
        return Ok(tenant.clone());
    }
    let named = request.named_tenant.as_ref().ok_or(Rejection::TenantRequired)?;
    let registered = code.registered.as_ref().filter(|row| named.is(&row.id)).ok_or(Rejection::TenantMismatch)?;
    let bound_elsewhere = code
        .entitlement
        .as_ref()
        .and_then(|entitlement| entitlement.tenant.as_ref())
        .is_some_and(|bound| *bound != registered.id);
    if registered.has_other_entitlement || bound_elsewhere {
        return Err(Rejection::TenantMismatch);
    }
    Ok(registered.id.clone())
}

#[cfg(test)]
#[path = "redeem_tests.rs"]
mod tests;
