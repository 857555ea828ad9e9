//! The random source of the service: ids of rows, credentials, nonces of seals.

use rand::{CryptoRng, RngCore};
use uuid::Uuid;

/// Fills bytes with randomness of cryptographic quality. Tests pass one that repeats itself.
pub trait RandomSource: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's source.
///
/// # Panics
/// Drawing from it panics when the operating system has no randomness to give: no secret is made then.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        credentials::system_random().fill_bytes(bytes);
    }
}

/// A random source as the traits of `rand` want it.
pub struct Rng<'a>(pub &'a dyn RandomSource);

impl RngCore for Rng<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }
}

impl CryptoRng for Rng<'_> {}

/// A random id of a row (RFC 9562, version 4).
pub fn row_id(source: &dyn RandomSource) -> Uuid {
    let mut bytes = [0; 16];
    source.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
