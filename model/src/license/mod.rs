//! Licences: install codes, claims, verification, what is decided at redemption and at check-in.

pub mod budget;
pub mod check_in;
pub mod claims;
mod claims_json;
pub mod clock;
pub mod code_state;
pub mod edition;
pub mod install_code;
pub mod keyset;
pub mod redeem;
mod redeem_rejection;
pub mod request;
pub mod rhythm;
pub mod token;
#[cfg(test)]
mod token_fixture;
mod token_jws;
pub mod token_keys;
pub mod wire;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;
