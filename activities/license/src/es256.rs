//! ES256 (RFC 7518, section 3.4) with the nonces of RFC 6979: the same claims give the same signature, and no random source
//! can spoil a nonce.
//!
//! A signature is the one that p256 makes, bit for bit, in a fifth of the time (`licenses`, docs/benchmarks.md). Most of p256's
//! goes into one product, nonce by generator; graviola computes it with the field and point arithmetic of s2n-bignum, assembler
//! that was proven correct, in constant time. It offers no signature without a random source, so nonce and scalars stay with the
//! crates that p256 itself is made of, and a property compares both ways.

use ecdsa::DigestAlgorithm;
use graviola::key_agreement::p256::StaticPrivateKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::ff::PrimeField as _;
use p256::elliptic_curve::ops::{Invert as _, Reduce as _};
use p256::elliptic_curve::{Curve as _, FieldBytes};
use p256::{NistP256, NonZeroScalar, Scalar, U256};
use rfc6979::KGenerator;
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// Signs with ECDSA over SHA-256. Either value of s may come.
pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Signature {
    let fast = if can_assembler() { in_assembler(key, message) } else { None };
    fast.unwrap_or_else(|| key.sign(message))
}

/// Whether this processor has the instructions. Graviola 0.4.4 uses BMI2 (`mulx`) and does not ask for it: a processor that has
/// ADX has it too, but a hypervisor may hide it.
fn can_assembler() -> bool {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("bmi2") {
        return false;
    }
    graviola::util::is_cpu_supported()
}

/// RFC 6979, section 3.2, with the first nonce. None if that one gives a zero (one in 2²⁵⁶): p256 then takes the next.
fn in_assembler(key: &SigningKey, message: &[u8]) -> Option<Signature> {
    let hash = digest(&SHA256, message);
    let secret = key.as_nonzero_scalar();
    let nonce = nonce(secret, hash.as_ref());
    let k = Zeroizing::new(Option::<NonZeroScalar>::from(NonZeroScalar::from_repr(*nonce))?);
    let point = StaticPrivateKey::from_bytes(nonce.as_slice()).ok()?.public_key_uncompressed();
    // The point is 04, X and Y (SEC 1, section 2.3.3).
    let r = scalar(&point[1..33])?;
    let z = scalar(hash.as_ref())?;
    let s = *k.invert() * (z + r * secret.as_ref());
    Signature::from_scalars(r, s).ok()
}

fn nonce(secret: &NonZeroScalar, hash: &[u8]) -> Zeroizing<FieldBytes<NistP256>> {
    let secret = Zeroizing::new(secret.to_repr());
    let order = NistP256::ORDER;
    let mut nonces = KGenerator::<<NistP256 as DigestAlgorithm>::Digest, U256>::new(&secret, hash, &[], &order);
    let mut nonce = Zeroizing::new(FieldBytes::<NistP256>::default());
    nonces.fill_next_k(&mut nonce);
    nonce
}

/// 32 bytes as a number, less the order of the group if it is not below it.
fn scalar(bytes: &[u8]) -> Option<Scalar> {
    Some(Scalar::reduce(&FieldBytes::<NistP256>::try_from(bytes).ok()?))
}

#[cfg(test)]
#[path = "es256_tests.rs"]
mod tests;
