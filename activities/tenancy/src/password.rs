//! Hashing passwords off the thread that runs the workflows, a few at a time.

use credentials::{PasswordHash, PasswordHasher, generate_password, system_random};
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Makes password hashes with the application's parameters. Each costs some 10 ms of one core, so that no more than there are
/// cores run at once, and none on a thread that others wait for.
#[derive(Clone)]
pub struct Hashing {
    hasher: Arc<PasswordHasher>,
    slots: Arc<Semaphore>,
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashing")
    }
}

impl Hashing {
    /// Hashes at most `at_once` passwords side by side; at least one.
    pub fn new(hasher: PasswordHasher, at_once: usize) -> Self {
        Self { hasher: Arc::new(hasher), slots: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// The same bound with other parameters or another pepper.
    pub fn with_hasher(&self, hasher: PasswordHasher) -> Self {
        Self { hasher: Arc::new(hasher), slots: Arc::clone(&self.slots) }
    }

    /// Hashes a password with a fresh salt.
    pub(crate) async fn hash(&self, password: SecretString) -> PasswordHash {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        let hasher = Arc::clone(&self.hasher);
        let hashing = tokio::task::spawn_blocking(move || hasher.hash(&password, &mut system_random()));
        hashing.await.expect("hashing does not panic")
    }

    /// A hash that no password fits. Nothing is derived, so that it takes no slot.
    pub(crate) fn unusable(&self) -> PasswordHash {
        self.hasher.unusable(&mut system_random())
    }

    /// Reads a stored hash; `None` when it does not have the form that the parameters give.
    pub(crate) fn fitting(&self, text: &str) -> Option<PasswordHash> {
        PasswordHash::parse(text).ok().filter(|hash| self.hasher.fits(hash))
    }

    /// Tells whether a hash with these two lengths, in characters, has the form that the parameters give.
    pub(crate) fn fits_lengths(&self, salt: u32, hash: u32) -> bool {
        self.hasher.fits_lengths(salt as usize, hash as usize)
    }
}

/// A new password by the one generator.
pub(crate) fn generate() -> SecretString {
    generate_password(&mut system_random())
}
