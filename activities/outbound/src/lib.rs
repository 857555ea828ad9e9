//! HTTP calls to outside systems: limits, a closed set of errors, a breaker per host, signatures.
//!
//! One call is one attempt. Repeats are Temporal's business; [`CallError`] tells whether one is safe and when it may come.
//! Bodies, headers and addresses of persons are in no error, no log line and no `Debug` output of this crate.

mod address;
mod call;
mod error;
mod key;
mod retry_after;

pub mod backoff;
pub mod breaker;
pub mod signatures;

mod app;
mod caller;
mod secret;
mod shop;
mod stamp;

#[cfg(feature = "testkit")]
pub mod testkit;

pub use address::{AddressError, BaseUrl, Cleartext, Endpoint};
pub use app::{App, AppSettings};
pub use call::{Body, Call, Codes, Meaning, Reply, Want};
pub use caller::{Caller, Limits, SetupError};
pub use error::{CallError, Cause, Repeat};
pub use key::IdempotencyKey;
pub use reqwest::header::HeaderValue;
pub use secret::{SecretFault, bearer};
pub use shop::{
    CallbackOutcome, CheckoutProgress, CheckoutStatus, LegacySignature, Shop, ShopSettings, TenantCallback,
};
