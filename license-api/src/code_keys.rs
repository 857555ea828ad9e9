//! The keys of install codes, whose rotation is refused while codes that customers hold, or repeats of a redemption, need a key
//! that would go.

use crate::db::DbError;
use crate::registry::{ForgottenKeys, forgotten_key};
use crate::watch::Watched;
use license::codes::{CodeKeys, CodeKeysError};
use license::key_ring::KeyRing;
use license::watched::chain;
use model::license::install_code::{CodeLength, InstallCode, LENGTH_MAX};
use sqlx::PgPool;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use uuid::Uuid;

/// Why the keys of the files are not taken over. Shows ids only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The key that was current is gone: codes that are being minted at this moment are made with it.
    #[error(
        "cannot take over the keys of install codes: the key {key_id}, which was current, must stay above the new one"
    )]
    LostCurrent {
        /// Its id.
        key_id: String,
    },
    /// An id names another key than before.
    #[error("cannot take over the keys of install codes: the id {key_id} names another key than before")]
    ChangedKey {
        /// The id.
        key_id: String,
    },
    /// A second rotation within the longest life of a code (licensing contract, section 15).
    #[error("cannot take over the keys of install codes")]
    Forgotten(#[from] ForgottenKeys),
    /// The registry did not say which keys codes need.
    #[error("could not take over the keys of install codes")]
    Registry(#[from] DbError),
}

/// What became of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// They hold what is in force.
    Unchanged,
    /// They changed, and their keys are in force from now on.
    Taken,
}

/// The keys in force, and their files.
///
/// Requests use the keys in force and look at no file. [`renew`](Self::renew) takes the files' keys over, once they are known
/// to lose nothing; until then, and when they would, what was in force before stays so.
pub struct GuardedCodeKeys {
    files: Watched<CodeKeys, CodeKeysError>,
    state: Mutex<State>,
}

struct State {
    in_force: Arc<CodeKeys>,
    /// What was refused last: one line of the log for each version of the files.
    refused: Option<Arc<CodeKeys>>,
}

impl GuardedCodeKeys {
    /// Reads the files for the first time. Whether codes need other keys is asked apart, by
    /// [`require_known_keys`](crate::registry::require_known_keys).
    ///
    /// # Errors
    /// [`CodeKeysError`].
    pub fn open(mint: &Path, lookup: &Path, now: Instant) -> Result<Self, CodeKeysError> {
        let paths = vec![mint.to_owned(), lookup.to_owned()];
        let (mint, lookup) = (mint.to_owned(), lookup.to_owned());
        let files = Watched::open("keys of install codes", paths, Box::new(move || read(&mint, &lookup)), now)?;
        let state = Mutex::new(State { in_force: files.current(now), refused: None });
        Ok(Self { files, state })
    }

    /// The keys in force. One request works with one such value.
    pub fn current(&self) -> CodeKeys {
        CodeKeys::clone(&self.lock().in_force)
    }

    /// Takes over what the files hold now, unless that would make a code worthless.
    ///
    /// A code that is minted between the question to the registry and the change has a key of the ring before, whose current
    /// key the new ring still has: so no code is lost in between.
    ///
    /// # Errors
    /// [`RotationError`]: the keys before stay in force, and the next call tries again.
    pub async fn renew(&self, pool: &PgPool, now: Instant) -> Result<Renewal, RotationError> {
        let found = self.files.current(now);
        let before = Arc::clone(&self.lock().in_force);
        if Arc::ptr_eq(&found, &before) {
            return Ok(Renewal::Unchanged);
        }
        follows(&before, &found)?;
        if let Some(forgotten) = forgotten_key(pool, &found).await? {
            return Err(forgotten.into());
        }
        self.lock().in_force = found;
        Ok(Renewal::Taken)
    }

    /// The same for the service's own rounds: tells of a refusal once for each version of the files.
    pub async fn renew_and_tell(&self, pool: &PgPool, now: Instant) {
        match self.renew(pool, now).await {
            Ok(Renewal::Unchanged) => {}
            Ok(Renewal::Taken) => tracing::info!("took over the keys of install codes"),
            Err(RotationError::Registry(error)) => {
                tracing::warn!("the keys of install codes are not taken over yet: {error}")
            }
            Err(error) => self.tell(&error, now),
        }
    }

    fn tell(&self, error: &RotationError, now: Instant) {
        let found = self.files.current(now);
        let mut state = self.lock();
        if state.refused.as_ref().is_some_and(|refused| Arc::ptr_eq(refused, &found)) {
            return;
        }
        state.refused = Some(found);
        tracing::error!(
            "the rotation of the keys of install codes is refused, so what was read before stays in force: {}",
            chain(error)
        );
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every assignment of the state is complete in itself, so what a panic left behind is usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(mint: &Path, lookup: &Path) -> Result<CodeKeys, CodeKeysError> {
    let mint = KeyRing::read(mint).map_err(CodeKeysError::Mint)?;
    let lookup = KeyRing::read(lookup).map_err(CodeKeysError::Lookup)?;
    Ok(CodeKeys::new(Arc::new(mint), Arc::new(lookup)))
}

/// Whether one ring of each kind may follow another: the key that was current is still there, and every id that both have
/// names the same key. Keys show themselves only in what they make, so that is compared.
fn follows(before: &CodeKeys, after: &CodeKeys) -> Result<(), RotationError> {
    let lost = |key_id: &credentials::KeyId| RotationError::LostCurrent { key_id: key_id.to_string() };
    let changed = |key_id: &str| RotationError::ChangedKey { key_id: key_id.to_owned() };
    let current = before.mint_key_id();
    if !after.mint_key_ids().any(|id| id == current) {
        return Err(lost(current));
    }
    let current = before.lookup_key_ids().next().expect("a ring has a current key");
    if !after.lookup_key_ids().any(|id| id == current) {
        return Err(lost(current));
    }
    for id in after.mint_key_ids().map(credentials::KeyId::as_str) {
        if let (Some(one), Some(other)) = (probe(before, id), probe(after, id))
            && one.expose() != other.expose()
        {
            return Err(changed(id));
        }
    }
    let code = probe(before, before.mint_key_id().as_str()).expect("a ring knows its current key");
    let hashes = after.lookup_hashes(&code);
    for one in before.lookup_hashes(&code) {
        if hashes.iter().any(|other| other.key_id == one.key_id && other.hash != one.hash) {
            return Err(changed(one.key_id.as_str()));
        }
    }
    Ok(())
}

/// A code of no row, as long as a code can be: 128 bits, so that two keys do not make the same one.
fn probe(keys: &CodeKeys, mint_key_id: &str) -> Option<InstallCode> {
    let length = CodeLength::new(LENGTH_MAX).expect("the greatest length is one");
    keys.derive(mint_key_id, Uuid::nil(), length, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{LOOK_EVERY, told};

    #[test]
    fn the_log_says_why_a_rotation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (mint, lookup) = (folder.path().join("mint"), folder.path().join("lookup"));
        let bytes: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let key = format!("k1 {}\n", data_encoding::BASE64.encode(&bytes));
        std::fs::write(&mint, &key).unwrap();
        std::fs::write(&lookup, &key).unwrap();
        let start = Instant::now();
        let keys = GuardedCodeKeys::open(&mint, &lookup, start).unwrap();
        let forgotten = RotationError::Forgotten(ForgottenKeys { key_id: "m1".to_owned() });
        let lines = told(|| keys.tell(&forgotten, start));
        assert!(lines.len() == 1 && lines[0].contains("need the key m1"), "{lines:?}");
        std::fs::write(&mint, "no key at all").unwrap();
        let lines = told(|| drop(keys.files.current(start + LOOK_EVERY)));
        assert!(lines.len() == 1 && lines[0].contains("cannot mint install codes: "), "{lines:?}");
    }
}
