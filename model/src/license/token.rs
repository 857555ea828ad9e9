//! Licence tokens: unchecked as text, checked as claims (licensing contract, section 6.2).

use super::claims::{ISSUER, PERPETUAL_FROM, TenantId, is_ahead, is_in_force};
use super::claims_json::{Json, Object};
use super::edition::Tier;
use super::token_jws::{Typ, authenticate};
use super::token_keys::{PublicKey, TrustSet};
use crate::tenant::product::words;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::num::NonZeroU64;

words! {
    /// Why a token does not count. The checks come in the order of section 6.2, and the first that fails names the reason.
    VerifyFailure {
        /// Not a token of ours: its parts, its header, its issuer, its times or the shape of its claims.
        Malformed = "malformed",
        /// No trusted key has its id, or that key is revoked or out of its time.
        UnknownKid = "unknown_kid",
        /// Another algorithm, or a signature that is not the key's.
        BadSignature = "bad_signature",
        /// Its time is over.
        Expired = "expired",
        /// It names no tenant.
        Unbound = "unbound",
        /// It names another tenant.
        WrongTenant = "wrong_tenant",
    }
}

impl std::error::Error for VerifyFailure {}

/// Checks ES256 signatures. An implementation may remember results, of signatures only: everything else depends on the time.
pub trait CheckSignature: Send + Sync {
    /// Whether `signature`, r and s of 32 bytes each, is the key's over `signed`. Either of the two values of s is accepted.
    fn check(&self, key: &PublicKey, signed: &[u8], signature: &[u8; 64]) -> bool;
}

/// A text that may be a licence. It says nothing about itself before it is verified.
///
/// The text is no identity: a signature has two forms that verify. `sub` and `iat` identify a licence.
#[derive(Clone)]
pub struct UncheckedToken(SecretString);

impl UncheckedToken {
    /// Takes a text as it is: white space around it is the caller's to remove.
    pub fn new(text: impl Into<SecretString>) -> Self {
        Self(text.into())
    }

    /// The text, to be stored or sent.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Verifies everything at the time of the terms.
    ///
    /// # Errors
    /// The first reason in the order of section 6.2.
    pub fn verify(
        &self,
        trust: &TrustSet,
        signatures: &dyn CheckSignature,
        terms: Terms<'_>,
    ) -> Result<VerifiedLicense, VerifyFailure> {
        let key_of = |kid: &str| trust.key(kid, terms.now);
        let authentic = authenticate(self.expose(), Typ::Any, key_of, signatures)?;
        let claims = Object::parse(&authentic.payload).ok_or(VerifyFailure::Malformed)?;
        let license = read(&claims, authentic.kid, terms.now)?;
        terms.audience.admit(license.audience(), terms.now)?;
        Ok(license)
    }
}

impl fmt::Debug for UncheckedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UncheckedToken([REDACTED])")
    }
}

/// What a token is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The deciding time in unix seconds; see [`clock`](super::clock).
    pub now: i64,
    /// Whose token it must be.
    pub audience: Audience<'a>,
}

/// Whose token it must be.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// This tenant's.
    Tenant(&'a TenantId),
    /// This tenant's, or for some time nobody's (`LICENSE_UNBOUND_ACCEPTED_UNTIL`).
    TenantOrUnbound {
        /// The tenant.
        tenant: &'a TenantId,
        /// How long tokens without an audience count.
        until: UnboundUntil,
    },
    /// Anybody's: an inspection without a tenant, which has to say so.
    NotChecked,
}

impl Audience<'_> {
    fn admit(self, found: Option<&str>, now: i64) -> Result<(), VerifyFailure> {
        let (tenant, until) = match self {
            Self::NotChecked => return Ok(()),
            Self::Tenant(tenant) => (tenant, None),
            Self::TenantOrUnbound { tenant, until } => (tenant, Some(until)),
        };
        match found {
            // UUIDs compare without case (RFC 9562, section 4).
            Some(audience) if audience.eq_ignore_ascii_case(tenant.as_str()) => Ok(()),
            Some(_) => Err(VerifyFailure::WrongTenant),
            None if until.is_some_and(|until| now < until.0) => Ok(()),
            None => Err(VerifyFailure::Unbound),
        }
    }
}

/// Until when tokens without an audience count: the end, in UTC, of the day that `LICENSE_UNBOUND_ACCEPTED_UNTIL` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnboundUntil(i64);

impl UnboundUntil {
    /// Reads a date such as `2026-12-31`; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        let day = time::Date::parse(text, &format).ok()?;
        Some(Self(day.midnight().assume_utc().unix_timestamp() + super::DAY_SECONDS))
    }

    /// The first instant at which they no longer count, in unix seconds.
    pub const fn end(self) -> i64 {
        self.0
    }
}

/// A licence whose signature, times, claims and audience were checked, at one time and for one audience.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedLicense {
    kid: String,
    subject: String,
    customer: String,
    tier: Tier,
    seats: Option<NonZeroU64>,
    audience: Option<String>,
    issued_at: i64,
    expires_at: i64,
}

impl VerifiedLicense {
    /// Id of the key that signed it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// `sub`: the stable subject of its entitlement.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `cust`: the customer's name; not for logs.
    pub fn customer(&self) -> &str {
        &self.customer
    }

    /// `tier`, with the old name read as the new one.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// `seats`; none for unlimited.
    pub const fn seats(&self) -> Option<NonZeroU64> {
        self.seats
    }

    /// `aud` as it was written; none for an old token without one.
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// `iat` in unix seconds.
    pub const fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// `exp` in unix seconds.
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Whether it is to be shown as one without an end.
    pub const fn is_perpetual(&self) -> bool {
        self.expires_at >= PERPETUAL_FROM
    }
}

impl fmt::Debug for VerifiedLicense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedLicense")
            .field("kid", &self.kid)
            .field("subject", &self.subject)
            .field("tier", &self.tier)
            .field("seats", &self.seats)
            .field("audience", &self.audience)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Reads claims in the order of section 6.2: issuer and `nbf`, then `exp`, then the shape of the rest.
fn read(claims: &Object<'_>, kid: String, now: i64) -> Result<VerifiedLicense, VerifyFailure> {
    let malformed = VerifyFailure::Malformed;
    if claims.text("iss") != Some(ISSUER) {
        return Err(malformed);
    }
    if let Some(nbf) = claims.member("nbf") {
        let nbf = nbf.as_integer().ok_or(malformed)?;
        if is_ahead(nbf, now) {
            return Err(malformed);
        }
    }
    let expires_at = claims.integer("exp").ok_or(malformed)?;
    if !is_in_force(expires_at, now) {
        return Err(VerifyFailure::Expired);
    }
    let issued_at = claims.integer("iat").filter(|iat| !is_ahead(*iat, now)).ok_or(malformed)?;
    let text = |name| claims.text(name).filter(|text| !text.is_empty()).ok_or(malformed);
    let tier = claims.text("tier").and_then(Tier::parse).filter(|tier| tier.is_sellable()).ok_or(malformed)?;
    let seats = match claims.member("seats") {
        None => None,
        Some(Json::Integer(seats)) => Some(u64::try_from(*seats).ok().and_then(NonZeroU64::new).ok_or(malformed)?),
        Some(Json::Null | Json::Bool(_) | Json::Huge | Json::Text(_) | Json::List(_) | Json::Object(_)) => {
            return Err(malformed);
        }
    };
    let audience = match claims.member("aud") {
        None => None,
        Some(audience) => Some(audience.as_text().ok_or(malformed)?.to_owned()),
    };
    Ok(VerifiedLicense {
        kid,
        subject: text("sub")?.to_owned(),
        customer: text("cust")?.to_owned(),
        tier,
        seats,
        audience,
        issued_at,
        expires_at,
    })
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
