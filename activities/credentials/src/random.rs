//! The one system random source.

use rand::rngs::OsRng;
use rand::{CryptoRng, TryRngCore};

/// The operating system's random source, for every secret that is made outside of tests (tenant-provisioning contract,
/// section 6: "system randomness").
///
/// # Panics
/// Drawing from it panics when the operating system has no randomness to give: no secret is made then.
pub fn system_random() -> impl CryptoRng {
    OsRng.unwrap_err()
}
