//! Requests and answers of the licence API as the appliance reads them (licensing contract, sections 5.2 and 5.3).
//!
//! What comes in is a [`RegisterAnswer`] or [`CheckInAnswer`] with its secrets wrapped; the shapes with plain texts stay in
//! this file.

use model::license::edition::Edition;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// `POST /register`. `Debug` does not show the code.
#[derive(Clone)]
pub struct RegisterRequest {
    /// The normalised code.
    pub code: SecretString,
    /// The appliance's own id.
    pub appliance_id: String,
    /// The tenant that an installed appliance belongs to. It is sent twice: as `expected_tenant_id`, so that a code of another
    /// tenant is refused before it is consumed, and as `tenant_id`, which an old code without a tenant of its own is redeemed
    /// for (licensing contract, section 5.3).
    pub expected_tenant: Option<Uuid>,
    /// Whether a code without a licence is refused before it is consumed.
    pub require_license: RequireLicense,
}

/// Whether a redemption is only worth something with a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequireLicense {
    /// A new appliance: essentials is fine.
    No,
    /// An upgrade.
    Yes,
}

#[derive(Serialize)]
struct RegisterWire<'a> {
    claim_code: &'a str,
    appliance_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_tenant_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_license: Option<bool>,
}

impl RegisterRequest {
    /// The body. Fields that say nothing are left out, so that a service that does not know them answers as ever.
    pub(crate) fn body(&self) -> impl Serialize + '_ {
        RegisterWire {
            claim_code: self.code.expose_secret(),
            appliance_id: &self.appliance_id,
            tenant_id: self.expected_tenant,
            expected_tenant_id: self.expected_tenant,
            require_license: match self.require_license {
                RequireLicense::No => None,
                RequireLicense::Yes => Some(true),
            },
        }
    }
}

impl fmt::Debug for RegisterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterRequest").field("appliance_id", &self.appliance_id).finish_non_exhaustive()
    }
}

/// What a code yields: a tenant, and for a paid edition a licence with a credential. The licence has not been looked at.
#[derive(Clone)]
pub struct RegisterAnswer {
    /// The tenant.
    pub tenant: Uuid,
    /// Its edition.
    pub edition: Edition,
    /// Absent for essentials.
    pub paid: Option<PaidAnswer>,
}

/// The paid part of an answer.
#[derive(Clone)]
pub struct PaidAnswer {
    /// 64 lower-case hex digits.
    pub credential: SecretString,
    /// The licence token, unchecked.
    pub token: SecretString,
    /// Where the service wants check-ins, unchecked.
    pub check_in_url: String,
}

impl fmt::Debug for RegisterAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RegisterAnswer");
        shown.field("tenant", &self.tenant).field("edition", &self.edition).finish_non_exhaustive()
    }
}

impl fmt::Debug for PaidAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaidAnswer").finish_non_exhaustive()
    }
}

/// An answer that breaks the contract. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the answer of the licence service: it does not hold what the contract promises")]
pub struct BadAnswer;

#[derive(Serialize, Deserialize)]
pub(crate) struct RegisterAnswerWire {
    tenant_id: Uuid,
    edition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appliance_credential: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_jwt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_in_url: Option<String>,
}

impl TryFrom<RegisterAnswerWire> for RegisterAnswer {
    type Error = BadAnswer;

    /// All three paid fields come together or not at all, and not with essentials (licensing contract, section 5.3 and D8).
    fn try_from(wire: RegisterAnswerWire) -> Result<Self, BadAnswer> {
        let edition = Edition::parse(&wire.edition).ok_or(BadAnswer)?;
        let paid = match (edition, wire.appliance_credential, wire.first_jwt, wire.check_in_url) {
            (Edition::Essentials, None, None, None) => None,
            (Edition::Pro, Some(credential), Some(token), Some(check_in_url)) => {
                if !is_credential(&credential) || token.is_empty() {
                    return Err(BadAnswer);
                }
                Some(PaidAnswer { credential: credential.into(), token: token.into(), check_in_url })
            }
            (Edition::Essentials | Edition::Pro, _, _, _) => return Err(BadAnswer),
        };
        Ok(Self { tenant: wire.tenant_id, edition, paid })
    }
}

impl From<&RegisterAnswer> for RegisterAnswerWire {
    fn from(answer: &RegisterAnswer) -> Self {
        let paid = answer.paid.as_ref();
        Self {
            tenant_id: answer.tenant,
            edition: answer.edition.as_str().to_owned(),
            appliance_credential: paid.map(|paid| paid.credential.expose_secret().to_owned()),
            first_jwt: paid.map(|paid| paid.token.expose_secret().to_owned()),
            check_in_url: paid.map(|paid| paid.check_in_url.clone()),
        }
    }
}

/// 64 lower-case hex digits (licensing contract, section 1).
fn is_credential(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `POST /check-in`. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct CheckInRequest {
    /// The appliance's credential.
    pub credential: SecretString,
    /// `sub` of the stored token.
    pub current_sub: Option<String>,
    /// `exp` of the stored token, unix seconds.
    pub current_exp: Option<i64>,
}

#[derive(Serialize)]
struct CheckInWire<'a> {
    appliance_credential: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_license_sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_exp: Option<i64>,
}

impl CheckInRequest {
    /// The body.
    pub(crate) fn body(&self) -> impl Serialize + '_ {
        CheckInWire {
            appliance_credential: self.credential.expose_secret(),
            current_license_sub: self.current_sub.as_deref(),
            current_exp: self.current_exp,
        }
    }
}

impl fmt::Debug for CheckInRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckInRequest").finish_non_exhaustive()
    }
}

/// What the service says of the licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckInStatus {
    Ok,
    NoChange,
    Revoked,
}

/// The answer of `/check-in`. Nothing of it has been verified.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckInAnswer {
    /// What it says of the licence.
    pub verdict: CheckInVerdict,
    /// Signed list of keys, when the service sends one.
    pub keyset: Option<String>,
    /// The server's time, unix seconds; absent from older services.
    pub now: Option<i64>,
}

/// The part of an answer that a status word decides.
#[derive(Clone, PartialEq, Eq)]
pub enum CheckInVerdict {
    /// Here is a newer licence.
    Ok {
        /// The token, unchecked.
        token: String,
    },
    /// The stored one stays.
    NoChange,
    /// The entitlement has ended; the stored licence stays until it expires.
    Revoked,
}

impl fmt::Debug for CheckInAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            CheckInVerdict::Ok { .. } => "ok",
            CheckInVerdict::NoChange => "no_change",
            CheckInVerdict::Revoked => "revoked",
        };
        f.debug_struct("CheckInAnswer").field("verdict", &verdict).field("now", &self.now).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
pub(crate) struct CheckInAnswerWire {
    status: CheckInStatus,
    jwt: Option<String>,
    keyset: Option<String>,
    now: Option<i64>,
}

impl TryFrom<CheckInAnswerWire> for CheckInAnswer {
    type Error = BadAnswer;

    fn try_from(wire: CheckInAnswerWire) -> Result<Self, BadAnswer> {
        let verdict = match (wire.status, wire.jwt) {
            (CheckInStatus::Ok, Some(token)) => CheckInVerdict::Ok { token },
            (CheckInStatus::Ok, None) => return Err(BadAnswer),
            (CheckInStatus::NoChange, _) => CheckInVerdict::NoChange,
            (CheckInStatus::Revoked, _) => CheckInVerdict::Revoked,
        };
        Ok(Self { verdict, keyset: wire.keyset, now: wire.now })
    }
}

/// The answer of `GET /keys`.
#[derive(Deserialize)]
pub(crate) struct KeysWire {
    pub(crate) keyset: String,
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
