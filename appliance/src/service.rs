//! Where the licence API is, and where a credential may be sent.

use outbound::{AddressError, BaseUrl, Cleartext};
use std::fmt;
use url::Url;

/// The service of every appliance that was told nothing else (licensing contract, section 8).
pub const DEFAULT_SERVICE: &str = "https://license.nineminds.com";

/// Whether plain `http` towards this machine is accepted. It is for tests and the local stack; a credential leaves an
/// appliance over HTTPS only (licensing contract, L-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    /// HTTPS only.
    Refused,
    /// HTTPS, or `http` to `localhost`, `127.0.0.0/8` and `::1`.
    Allowed,
}

/// Scheme, host and port of an address, such as `https://license.nineminds.com` (RFC 6454).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The text form, without a path. The scheme's own port is left out.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the origin of a stored text. `None` when it is no address with an origin.
    pub fn of(text: &str) -> Option<Self> {
        let origin = Url::parse(text).ok()?.origin();
        origin.is_tuple().then(|| Self(origin.ascii_serialization()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why no service can be called. The address is not repeated, because it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The text is no address that may be used.
    #[error("cannot use the address of the licence service: it {0}")]
    Address(#[source] AddressError),
    /// Plain `http`, and nobody allowed it.
    #[error("cannot use the address of the licence service: it must use https")]
    Cleartext,
    /// The stored check-in address names another origin than the configured service and the one of a verified redemption.
    #[error("cannot trust the stored check-in address: it names another service than the one that issued the licence")]
    Untrusted,
}

/// Base address of the licence API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl {
    base: BaseUrl,
    origin: Origin,
}

impl ServiceUrl {
    /// Reads a setting.
    ///
    /// # Errors
    /// [`ServiceError::Address`], [`ServiceError::Cleartext`].
    pub fn parse(text: &str, loopback: Loopback) -> Result<Self, ServiceError> {
        let base = BaseUrl::parse(text, Cleartext::LoopbackOnly).map_err(|error| match error {
            AddressError::Cleartext => ServiceError::Cleartext,
            AddressError::Syntax | AddressError::Scheme | AddressError::Credentials | AddressError::Suffix => {
                ServiceError::Address(error)
            }
        })?;
        let origin = Origin::of(text.trim()).ok_or(ServiceError::Address(AddressError::Syntax))?;
        if loopback == Loopback::Refused && !origin.as_str().starts_with("https://") {
            return Err(ServiceError::Cleartext);
        }
        Ok(Self { base, origin })
    }

    /// The base, for paths below it.
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The origin, for comparison.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// What is known of the service's address.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// `ALGA_LICENSE_SERVICE_URL`.
    pub configured: Option<&'a str>,
    /// `license_state.check_in_url`. Others can write that row, so it is believed only if its origin is one of ours.
    pub check_in_url: Option<&'a str>,
    /// The origin of the service whose answer was verified at the last redemption.
    pub verified: Option<&'a str>,
}

/// Chooses the service: the setting, else the origin of the stored check-in address, else [`DEFAULT_SERVICE`] (licensing
/// contract, section 8). A stored address counts only if its origin equals the default or that of a verified redemption, so
/// that a changed row cannot lead a credential elsewhere (L-12).
///
/// # Errors
/// See [`ServiceError`].
pub fn choose(known: &Known<'_>, loopback: Loopback) -> Result<ServiceUrl, ServiceError> {
    if let Some(configured) = known.configured {
        return ServiceUrl::parse(configured, loopback);
    }
    let Some(stored) = known.check_in_url.filter(|text| !text.is_empty()) else {
        return ServiceUrl::parse(DEFAULT_SERVICE, loopback);
    };
    let origin = Origin::of(stored).ok_or(ServiceError::Address(AddressError::Syntax))?;
    let verified = known.verified.and_then(Origin::of);
    if origin.as_str() != DEFAULT_SERVICE && verified.as_ref() != Some(&origin) {
        return Err(ServiceError::Untrusted);
    }
    ServiceUrl::parse(origin.as_str(), loopback)
}

/// Tells whether an answer of `service` may name this check-in address: same origin, and nothing that hides another one.
pub fn may_check_in_at(service: &ServiceUrl, check_in_url: &str, loopback: Loopback) -> bool {
    ServiceUrl::parse(check_in_url, loopback).is_ok_and(|address| address.origin == service.origin)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
