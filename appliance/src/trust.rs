//! Which keys are trusted: those built in, those that the operator of a test or a private service adds, and those of the
//! newest keyset statement.

use model::license::claims::TenantId;
use model::license::keyset::{Adoption, BuiltInKeys, Keyset, KeysetFailure, RootKeys, Source};
use model::license::token::{
    Audience, CheckSignature, Terms, UnboundUntil, UncheckedToken, VerifiedLicense, VerifyFailure,
};
use model::license::token_keys::{KeyMapError, TestKeys, TrustSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Most bytes of a file of keys: hundreds of keys.
const FILE_MAX: u64 = 64 * 1024;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("could not read the file of {which} keys")]
    Unreadable {
        /// Which of the two files.
        which: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file is not a map of keys.
    #[error("cannot use the {which} keys of the file")]
    Malformed {
        /// Which of the two files.
        which: &'static str,
        /// What is wrong.
        source: KeyMapError,
    },
    /// A release build was given a key of tests.
    #[error("cannot trust the key {kid}: it is a test key, and this is a release build")]
    TestKey {
        /// Its id.
        kid: String,
    },
    /// A file gives another key under the id of one built in.
    #[error("cannot trust the key {kid}: another key of that id is built in")]
    Replaces {
        /// Its id.
        kid: String,
    },
}

/// Files with further keys. The local stack and private services name their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustFiles<'a> {
    /// `ALGA_LICENSE_TRUST_FILE`: licence keys.
    pub licenses: Option<&'a Path>,
    /// `ALGA_LICENSE_ROOTS_FILE`: keys of keyset statements.
    pub roots: Option<&'a Path>,
}

/// The keys built in and those of the files.
///
/// # Errors
/// See [`TrustError`].
pub fn load(files: TrustFiles<'_>, test_keys: TestKeys) -> Result<BuiltInKeys, TrustError> {
    let built_in = license::built_in::built_in(test_keys);
    let licenses = joined("licence", &built_in.licenses, files.licenses, test_keys)?;
    let roots = joined("root", built_in.roots.keys(), files.roots, test_keys)?;
    Ok(BuiltInKeys { licenses, roots: RootKeys::new(roots), test_keys })
}

fn joined(
    which: &'static str,
    built_in: &TrustSet,
    file: Option<&Path>,
    test_keys: TestKeys,
) -> Result<TrustSet, TrustError> {
    let Some(path) = file else { return Ok(built_in.clone()) };
    let text = read(path).map_err(|source| TrustError::Unreadable { which, source })?;
    let added = TrustSet::parse_map(&text).map_err(|source| TrustError::Malformed { which, source })?;
    for (kid, key) in added.iter() {
        if !test_keys.admit(kid) {
            return Err(TrustError::TestKey { kid: kid.to_owned() });
        }
        if built_in.entry(kid).is_some_and(|known| known != key) {
            return Err(TrustError::Replaces { kid: kid.to_owned() });
        }
    }
    let entries = [built_in, &added].into_iter().flat_map(TrustSet::iter);
    Ok(TrustSet::new(entries.map(|(kid, key)| (kid.to_owned(), key.clone())), test_keys))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Verifies licences and keyset statements.
#[derive(Clone)]
pub struct Verifier {
    keys: BuiltInKeys,
    signatures: Arc<dyn CheckSignature>,
    unbound: Option<UnboundUntil>,
}

impl Verifier {
    /// Verifies with these keys.
    pub fn new(keys: BuiltInKeys, signatures: Arc<dyn CheckSignature>) -> Self {
        Self { keys, signatures, unbound: None }
    }

    /// Also accepts old licences without an audience for some time (`LICENSE_UNBOUND_ACCEPTED_UNTIL`).
    #[must_use]
    pub fn accepting_unbound(mut self, until: Option<UnboundUntil>) -> Self {
        self.unbound = until;
        self
    }

    /// The statement that was stored. One that does not verify any more counts as none.
    pub fn stored_keyset(&self, text: Option<&str>, now: i64) -> Option<Keyset> {
        Keyset::verify(text?, &self.keys.roots, &*self.signatures, Source::Stored, now).ok()
    }

    /// Takes a statement that the service delivered. `None`: the one in force has the same version.
    ///
    /// # Errors
    /// See [`KeysetFailure`].
    pub fn delivered_keyset(
        &self,
        text: &str,
        current: Option<&Keyset>,
        now: i64,
    ) -> Result<Option<Keyset>, KeysetFailure> {
        let keyset = Keyset::verify(text, &self.keys.roots, &*self.signatures, Source::Delivered, now)?;
        Ok(match keyset.adopt(current.map_or(0, Keyset::version), &self.keys)? {
            Adoption::Replaces => Some(keyset),
            Adoption::Unchanged => None,
        })
    }

    /// Verifies a licence for a tenant at `now`, in unix seconds.
    ///
    /// # Errors
    /// The first reason of the licensing contract, section 6.2.
    pub fn license(
        &self,
        token: &UncheckedToken,
        keyset: Option<&Keyset>,
        tenant: Uuid,
        now: i64,
    ) -> Result<VerifiedLicense, VerifyFailure> {
        let tenant = TenantId::parse(&tenant.to_string()).expect("a UUID has the form of a tenant id");
        let audience = match self.unbound {
            None => Audience::Tenant(&tenant),
            Some(until) => Audience::TenantOrUnbound { tenant: &tenant, until },
        };
        token.verify(&self.keys.trust(keyset), &*self.signatures, Terms { now, audience })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
