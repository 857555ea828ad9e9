//! What a careful receiver checks of our signatures, written from the contract and not from the sender.

use super::Recorded;
use data_encoding::HEXLOWER;
use ring::hmac;

/// Checks the older signature of a callback: over the exact bytes of the body (contract, section 8.2).
///
/// # Errors
/// Which check failed.
pub fn callback_legacy(request: &Recorded, secret: &str) -> Result<(), &'static str> {
    let signature = request.header("X-Temporal-Signature").ok_or("no X-Temporal-Signature")?;
    check(secret, &request.body, signature)
}

/// Checks the newer signature of a callback, its age against the receiver's clock (seconds since 1970, 5 min either way)
/// and that it carries an idempotency key.
///
/// # Errors
/// Which check failed.
pub fn callback(request: &Recorded, secret: &str, now_seconds: u64) -> Result<(), &'static str> {
    let header = request.header("X-Temporal-Signature-V2").ok_or("no X-Temporal-Signature-V2")?;
    let (time, signature) =
        header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).ok_or("not of the form t=,v1=")?;
    if request.header("X-Temporal-Timestamp") != Some(time) {
        return Err("X-Temporal-Timestamp differs from the signed time");
    }
    let seconds: u64 = time.parse().map_err(|_| "the time is no number")?;
    if seconds.abs_diff(now_seconds) > 300 {
        return Err("too old or too new");
    }
    if request.header("Idempotency-Key").is_none() {
        return Err("no Idempotency-Key");
    }
    let message = [time.as_bytes(), b".", &request.body].concat();
    check(secret, &message, signature)
}

/// Checks the signature of a password reset, and its age against the receiver's clock (milliseconds since 1970, 5 min
/// either way) (contract, section 8.3).
///
/// # Errors
/// Which check failed.
pub fn reset(request: &Recorded, secret: &str, now_millis: u64) -> Result<(), &'static str> {
    let time = request.header("X-Timestamp").ok_or("no X-Timestamp")?;
    let signature = request.header("X-Webhook-Signature").ok_or("no X-Webhook-Signature")?;
    let millis: u64 = time.parse().map_err(|_| "the time is no number")?;
    if millis.abs_diff(now_millis) > 300_000 {
        return Err("too old or too new");
    }
    let body: serde_json::Value = request.json().ok_or("the body is not JSON")?;
    let email = body["email"].as_str().ok_or("no email")?;
    check(secret, format!("{email}:{time}").as_bytes(), signature)
}

fn check(secret: &str, message: &[u8], signature: &str) -> Result<(), &'static str> {
    // Decoding accepts lower case only, as the contract has it.
    let tag = HEXLOWER.decode(signature.as_bytes()).map_err(|_| "the signature is not lower-case hex")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, message, &tag).map_err(|_| "the signature does not match")
}
