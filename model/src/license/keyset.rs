//! Keyset statements: which licence keys are trusted beside those built in (licensing contract, section 7).

use super::claims::{ISSUER, is_ahead, is_in_force};
use super::claims_json::{Json, Object};
use super::token::{CheckSignature, VerifyFailure};
use super::token_jws::{Typ, authenticate};
use super::token_keys::{PublicKey, TestKeys, TrustSet, TrustedKey};
use serde::Serialize;
use std::fmt;

/// `typ` of a statement's header.
pub const KEYSET_TYP: &str = "license-keyset+jwt";
/// By how much the version may grow at once. A stolen or mistaken huge version would otherwise shut out every later one.
pub const VERSION_STEP_MAX: u64 = 1_000;
/// Most keys of a statement: what its 16 KiB hold.
const KEYS_MAX: usize = 64;
/// Longest id of a key, in bytes.
const KID_MAX: usize = 64;

/// The offline keys that vouch for licence keys. They sign no licence, and no licence key signs a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RootKeys(TrustSet);

impl RootKeys {
    /// Takes the keys whose use is `keyset`.
    pub const fn new(keys: TrustSet) -> Self {
        Self(keys)
    }

    /// The keys.
    pub const fn keys(&self) -> &TrustSet {
        &self.0
    }
}

/// The keys that a build carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInKeys {
    /// Keys that verify licences.
    pub licenses: TrustSet,
    /// Keys that verify statements.
    pub roots: RootKeys,
    /// Whether keys of tests count, also those that a statement names.
    pub test_keys: TestKeys,
}

impl BuiltInKeys {
    /// What is trusted now: the keys built in, and those of the newest statement.
    ///
    /// A statement adds keys and revokes any; of a key built in it changes nothing else.
    pub fn trust(&self, keyset: Option<&Keyset>) -> TrustSet {
        let mut trust = self.licenses.clone();
        for (kid, key) in keyset.into_iter().flat_map(|keyset| &keyset.keys) {
            if self.test_keys.admit(kid) {
                trust.extend_by(kid, key);
            }
        }
        trust
    }
}

/// A statement whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    version: u64,
    issued_at: i64,
    expires_at: i64,
    keys: Vec<(String, TrustedKey)>,
}

/// Why a statement is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysetFailure {
    /// Form, key, signature, or a time that is over.
    Unverified(VerifyFailure),
    /// Older than the one in force.
    Older {
        /// The version in force.
        current: u64,
        /// The version of the statement.
        found: u64,
    },
    /// Newer by more than 1,000 versions.
    TooFar {
        /// The version in force.
        current: u64,
        /// The version of the statement.
        found: u64,
    },
    /// It gives another key under the id of one built in.
    ReplacesBuiltIn {
        /// The id.
        kid: String,
    },
}

impl fmt::Display for KeysetFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(failure) => write!(f, "cannot verify the keyset statement: {failure}"),
            Self::Older { current, found } => {
                write!(f, "cannot take the keyset statement: version {found} is older than {current}")
            }
            Self::TooFar { current, found } => {
                write!(
                    f,
                    "cannot take the keyset statement: version {found} is more than {VERSION_STEP_MAX} ahead of {current}"
                )
            }
            Self::ReplacesBuiltIn { kid } => {
                write!(f, "cannot take the keyset statement: it replaces the key {kid}, which is built in")
            }
        }
    }
}

impl std::error::Error for KeysetFailure {}

impl From<VerifyFailure> for KeysetFailure {
    fn from(failure: VerifyFailure) -> Self {
        Self::Unverified(failure)
    }
}

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the service: it must be in force.
    Delivered,
    /// From our own store, where it was in force when it was taken. It stays until a newer one comes: keys that vanish, or
    /// revocations that end, because no newer statement arrived would be worse than an old statement.
    Stored,
}

/// What a statement does to the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// It is newer and takes its place.
    Replaces,
    /// It has the same version.
    Unchanged,
}

impl Keyset {
    /// Verifies a statement: form, root key, signature, issuer, times, and the shape of its keys.
    ///
    /// # Errors
    /// [`KeysetFailure::Unverified`].
    pub fn verify(
        text: &str,
        roots: &RootKeys,
        signatures: &dyn CheckSignature,
        source: Source,
        now: i64,
    ) -> Result<Self, KeysetFailure> {
        let authentic = authenticate(text, Typ::Exactly(KEYSET_TYP), |kid| roots.0.key(kid, now), signatures)?;
        let claims = Object::parse(&authentic.payload).ok_or(VerifyFailure::Malformed)?;
        Ok(read(&claims, source, now)?)
    }

    /// The version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// `iat` in unix seconds.
    pub const fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// `exp` in unix seconds.
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Its keys, in the order of the statement.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &TrustedKey)> {
        self.keys.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    /// Decides whether this statement takes the place of the one in force, whose version is 0 when there is none.
    ///
    /// # Errors
    /// [`KeysetFailure::Older`], [`KeysetFailure::TooFar`], [`KeysetFailure::ReplacesBuiltIn`].
    pub fn adopt(&self, current: u64, built_in: &BuiltInKeys) -> Result<Adoption, KeysetFailure> {
        let found = self.version;
        if found < current {
            return Err(KeysetFailure::Older { current, found });
        }
        if found - current > VERSION_STEP_MAX {
            return Err(KeysetFailure::TooFar { current, found });
        }
        let other =
            |kid: &str, key: &TrustedKey| built_in.licenses.entry(kid).is_some_and(|known| known.key != key.key);
        let replaced = self.keys.iter().find(|(kid, key)| other(kid, key) || built_in.roots.0.entry(kid).is_some());
        if let Some((kid, _)) = replaced {
            return Err(KeysetFailure::ReplacesBuiltIn { kid: kid.clone() });
        }
        Ok(if found == current { Adoption::Unchanged } else { Adoption::Replaces })
    }
}

fn read(claims: &Object<'_>, source: Source, now: i64) -> Result<Keyset, VerifyFailure> {
    let malformed = VerifyFailure::Malformed;
    if claims.text("iss") != Some(ISSUER) {
        return Err(malformed);
    }
    let expires_at = claims.integer("exp").ok_or(malformed)?;
    match source {
        Source::Delivered if !is_in_force(expires_at, now) => return Err(VerifyFailure::Expired),
        Source::Delivered | Source::Stored => {}
    }
    let issued_at = claims.integer("iat").filter(|iat| !is_ahead(*iat, now)).ok_or(malformed)?;
    let version = claims.integer("version").and_then(|version| u64::try_from(version).ok());
    let version = version.filter(|version| *version > 0).ok_or(malformed)?;
    let Some(Json::List(items)) = claims.member("keys") else {
        return Err(malformed);
    };
    if items.len() > KEYS_MAX {
        return Err(malformed);
    }
    let mut keys: Vec<(String, TrustedKey)> = Vec::with_capacity(items.len());
    for item in items {
        let (kid, key) = read_key(item).ok_or(malformed)?;
        if keys.iter().any(|(known, _)| *known == kid) {
            return Err(malformed);
        }
        keys.push((kid, key));
    }
    Ok(Keyset { version, issued_at, expires_at, keys })
}

fn read_key(item: &Json<'_>) -> Option<(String, TrustedKey)> {
    let Json::Object(item) = item else {
        return None;
    };
    let time = |name| match item.member(name) {
        None => Some(None),
        Some(time) => time.as_integer().map(Some),
    };
    let revoked = match item.member("revoked") {
        None => false,
        Some(revoked) => revoked.as_bool()?,
    };
    let kid = item.text("kid").filter(|kid| (1..=KID_MAX).contains(&kid.len()))?;
    let key = PublicKey::parse(item.text("spki")?).ok()?;
    let key = TrustedKey { key, not_before: time("not_before")?, not_after: time("not_after")?, revoked };
    Some((kid.to_owned(), key))
}

/// What a holder of a root key states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysetClaims {
    /// `version`: 1 or more, and more than that of the statement before.
    pub version: u64,
    /// `iat` in unix seconds.
    pub issued_at: i64,
    /// `exp` in unix seconds: until when the statement may still be delivered.
    pub expires_at: i64,
    /// Key ids and keys.
    pub keys: Vec<(String, TrustedKey)>,
}

impl KeysetClaims {
    /// The payload to be signed: compact JSON.
    pub fn to_payload(&self) -> String {
        let keys = self.keys.iter().map(|(kid, key)| StatedKey {
            kid,
            spki: key.key.to_spki(),
            not_before: key.not_before,
            not_after: key.not_after,
            revoked: key.revoked,
        });
        let stated = Stated {
            iss: ISSUER,
            iat: self.issued_at,
            exp: self.expires_at,
            version: self.version,
            keys: keys.collect(),
        };
        serde_json::to_string(&stated).expect("texts and integers serialise")
    }
}

#[derive(Serialize)]
struct Stated<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    version: u64,
    keys: Vec<StatedKey<'a>>,
}

#[derive(Serialize)]
struct StatedKey<'a> {
    kid: &'a str,
    spki: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<i64>,
    revoked: bool,
}

#[cfg(test)]
#[path = "keyset_tests.rs"]
mod tests;
