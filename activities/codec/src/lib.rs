//! Encrypts the payloads that a sensitive value marks, and lets people read them in Temporal's own tools.
//!
//! `PAYLOAD_CODEC=sensitive` (tenant-provisioning contract, R6): [`SensitiveCodec`] in the data converter of a client, and of
//! the workers made from it, encrypts what [`contract::sensitive::Sensitive`] has marked and nothing else. Contracted
//! results, query answers and the inputs of callers that know nothing of it stay readable JSON, and unencrypted input is
//! accepted as before. [`server`] is the endpoint that the Temporal UI and CLI ask to decrypt what they show.
//!
//! ```no_run
//! # fn main() -> Result<(), credentials::KeyFileError> {
//! use codec::{SensitiveCodec, WatchedKeys};
//! use temporalio_common::data_converters::{DataConverter, DefaultFailureConverter, PayloadConverter};
//!
//! let codec = SensitiveCodec::new(WatchedKeys::open("/run/secrets/tenantry_codec_keys")?);
//! // For `ClientOptions` and, with the same keys, for `WorkflowReplayerOptions`.
//! let converter = DataConverter::new(PayloadConverter::default(), DefaultFailureConverter::default(), codec);
//! # let _ = converter;
//! # Ok(())
//! # }
//! ```
//!
//! What an encrypted payload does not hide: its length, its key id, and that it is one. It is not bound to its place either,
//! because the SDK tells a codec of no run: whoever may write to a namespace can repeat it elsewhere, though not read it.

pub mod envelope;
pub mod keys;
pub mod sensitive;
pub mod server;

#[cfg(test)]
mod fixture;

pub use keys::WatchedKeys;
pub use sensitive::{SensitiveCodec, UnknownKey};
