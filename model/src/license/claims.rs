//! What a licence says (licensing contract, section 6.1), and the tenant it is bound to.

use super::edition::{Tier, Transport};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

/// The only issuer of licences and of keyset statements.
pub const ISSUER: &str = "nineminds-license";
/// Tolerance of every comparison with a clock, in seconds.
pub const SKEW_SECONDS: i64 = 60;
/// A licence whose `exp` is this instant (2100-01-01T00:00:00Z) or later is perpetual and is shown as such.
pub const PERPETUAL_FROM: i64 = 4_102_444_800;

/// Whether what ends at `exp` is still in force at `now`, both in unix seconds: while now < exp + 60. Every decision about
/// an expiry uses this function; there is no second grace.
pub const fn is_in_force(exp: i64, now: i64) -> bool {
    now < exp.saturating_add(SKEW_SECONDS)
}

/// Whether an instant lies so far ahead of `now` that no skew of clocks explains it.
pub const fn is_ahead(instant: i64, now: i64) -> bool {
    instant > now.saturating_add(SKEW_SECONDS)
}

/// Id of a tenant: a UUID in its text form of 36 characters, in lower case (RFC 9562, section 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// A text that is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATenantId;

impl fmt::Display for NotATenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tenant id is a UUID such as 11111111-2222-4333-8444-555555555555")
    }
}

impl std::error::Error for NotATenantId {}

impl TenantId {
    /// Reads the text form, in either case.
    ///
    /// # Errors
    /// [`NotATenantId`].
    pub fn parse(text: &str) -> Result<Self, NotATenantId> {
        let fits = |(index, byte): (usize, u8)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        let is_uuid = text.len() == 36 && text.bytes().enumerate().all(fits);
        if is_uuid { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotATenantId) }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TenantId {
    type Error = NotATenantId;

    fn try_from(text: String) -> Result<Self, NotATenantId> {
        Self::parse(&text)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

/// The claims that a signer writes. There is no licence without an audience.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenseClaims {
    /// `sub`: the stable subject of the entitlement (`license_sub`), `lic_` and 26 symbols.
    pub subject: String,
    /// `cust`: the customer's name. Not shown by `Debug`.
    pub customer: String,
    /// `tier`.
    pub tier: Tier,
    /// `seats`; none for unlimited.
    pub seats: Option<NonZeroU64>,
    /// `aud`: the tenant.
    pub tenant: TenantId,
    /// `iat` in unix seconds.
    pub issued_at: i64,
    /// `exp` in unix seconds.
    pub expires_at: i64,
}

/// Why claims cannot be signed. Shows no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsError {
    /// The subject is empty.
    NoSubject,
    /// The customer is empty.
    NoCustomer,
    /// No licence of this tier is sold.
    TierNotSellable,
    /// `exp` is not after `iat`, or a time is negative.
    Times,
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSubject => "cannot sign a licence without a subject",
            Self::NoCustomer => "cannot sign a licence without a customer",
            Self::TierNotSellable => "cannot sign a licence of this tier: only pro is sold",
            Self::Times => "cannot sign a licence that does not end after it begins",
        })
    }
}

impl std::error::Error for ClaimsError {}

impl LicenseClaims {
    /// When a licence of this transport ends that is issued at `issued_at`, in unix seconds.
    pub const fn expiry(transport: Transport, issued_at: i64) -> i64 {
        issued_at.saturating_add(transport.life_seconds())
    }

    /// The payload to be signed: compact JSON, its members in the order of the interop vector (contract, section 6.3).
    ///
    /// # Errors
    /// [`ClaimsError`] when a verifier would refuse the claims.
    pub fn to_payload(&self) -> Result<String, ClaimsError> {
        if self.subject.is_empty() {
            return Err(ClaimsError::NoSubject);
        }
        if self.customer.is_empty() {
            return Err(ClaimsError::NoCustomer);
        }
        if !self.tier.is_sellable() {
            return Err(ClaimsError::TierNotSellable);
        }
        if self.issued_at < 0 || self.expires_at <= self.issued_at {
            return Err(ClaimsError::Times);
        }
        let payload = Payload {
            iss: ISSUER,
            sub: &self.subject,
            cust: &self.customer,
            tier: self.tier.as_str(),
            seats: self.seats,
            aud: self.tenant.as_str(),
            iat: self.issued_at,
            exp: self.expires_at,
        };
        Ok(serde_json::to_string(&payload).expect("texts and integers serialise"))
    }
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    sub: &'a str,
    cust: &'a str,
    tier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<NonZeroU64>,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl fmt::Debug for LicenseClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenseClaims")
            .field("subject", &self.subject)
            .field("tier", &self.tier)
            .field("seats", &self.seats)
            .field("tenant", &self.tenant)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
