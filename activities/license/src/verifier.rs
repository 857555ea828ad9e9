//! Verification of signatures, with a memory of those that were good.

use model::license::token::CheckSignature;
use model::license::token_keys::PublicKey;
use ring::digest;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Good signatures that are remembered when nothing else is set. One takes about 50 bytes.
pub const REMEMBERED: usize = 1_024;

/// Checks ES256 signatures with `ring`, which accepts both values of s.
///
/// Only good signatures are remembered, by the hash of key, text and signature: a flood of bad ones pushes nothing out. What
/// a token says and whether it still counts is decided anew at every call.
pub struct Verifier {
    /// Entries of one generation.
    half: usize,
    good: Mutex<Generations>,
}

/// Two generations: when the young one is full it becomes the old one, and the old one is forgotten.
#[derive(Default)]
struct Generations {
    young: BTreeSet<[u8; 32]>,
    old: BTreeSet<[u8; 32]>,
}

impl Verifier {
    /// Remembers at most `remembered` good signatures, none with 0.
    pub fn new(remembered: usize) -> Self {
        Self { half: remembered / 2, good: Mutex::default() }
    }

    fn is_known(&self, hash: &[u8; 32]) -> bool {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.young.contains(hash) || good.old.contains(hash)
    }

    fn remember(&self, hash: [u8; 32]) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.young.len() >= self.half {
            good.old = std::mem::take(&mut good.young);
        }
        good.young.insert(hash);
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.young.len() + good.old.len()
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new(REMEMBERED)
    }
}

impl CheckSignature for Verifier {
    fn check(&self, key: &PublicKey, signed: &[u8], signature: &[u8; 64]) -> bool {
        let verify = || UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point()).verify(signed, signature).is_ok();
        if self.half == 0 {
            return verify();
        }
        // Key and signature have fixed lengths, so no two triples are the same bytes.
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(key.point());
        context.update(signature);
        context.update(signed);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        if self.is_known(&hash) {
            return true;
        }
        let good = verify();
        if good {
            self.remember(hash);
        }
        good
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("half", &self.half).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
