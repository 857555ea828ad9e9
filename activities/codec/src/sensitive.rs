//! The codec of the SDK's data converter.

use crate::envelope::{self, Opened};
use crate::keys::WatchedKeys;
use credentials::KeyId;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use std::sync::Arc;
use temporalio_common::data_converters::{PayloadCodec, PayloadConversionError, SerializationContextData};
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// A payload was encrypted with a key that is not in our file.
///
/// A payload can cause a wait (tenant-provisioning contract, section 14): the key may be on its way, so the task
/// fails and Temporal repeats it until the key is there: a run whose start or signal it is goes on by itself within the time
/// of one workflow task (10 s). The log says so at ERROR each time. Whoever may write to the namespace can name a key that
/// will never come, so the codec belongs only to clients of queues whose callers send marked payloads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not decrypt a payload: the key {key_id} is not in the file of payload keys")]
pub struct UnknownKey {
    /// The missing key. Public: it stands readable beside the payload.
    pub key_id: KeyId,
}

/// Encrypts marked payloads, and decrypts what it has encrypted. Clones share their keys.
///
/// - **Encoding** leaves a payload without the mark exactly as it is.
/// - **Decoding** gives the original payload back, its mark included, so that it is encrypted again when it is passed on.
///   What is not ours passes through, and so does what is ours and does not open, because it was changed or its key is
///   another one of the same id: its reader finds an encoding that it does not know and refuses it. That blocks no run but a
///   repair, whose input only the worker writes. A key id that is unknown is an error, [`UnknownKey`].
#[derive(Debug, Clone)]
pub struct SensitiveCodec {
    keys: Arc<WatchedKeys>,
}

impl SensitiveCodec {
    /// Makes a codec from its keys.
    pub fn new(keys: WatchedKeys) -> Self {
        Self { keys: Arc::new(keys) }
    }

    /// Encrypts the marked ones of some payloads. Keeps number and order.
    pub fn encode_all(&self, payloads: Vec<Payload>) -> Vec<Payload> {
        if !payloads.iter().any(envelope::is_marked) {
            return payloads;
        }
        let keys = self.keys.current();
        let close = |payload| if envelope::is_marked(&payload) { envelope::close(payload, &keys) } else { payload };
        payloads.into_iter().map(close).collect()
    }

    /// Decrypts ours of some payloads. Keeps number and order.
    ///
    /// # Errors
    /// [`UnknownKey`] with the first missing key.
    pub fn decode_all(&self, payloads: Vec<Payload>) -> Result<Vec<Payload>, UnknownKey> {
        if !payloads.iter().any(envelope::is_ours) {
            return Ok(payloads);
        }
        let keys = self.keys.current();
        let open = |payload: Payload| match envelope::open(&payload, &keys) {
            Opened::Foreign => Ok(payload),
            Opened::Original(original) => Ok(original),
            Opened::Damaged => {
                tracing::warn!("an encrypted payload does not open and is passed on as it is");
                Ok(payload)
            }
            Opened::UnknownKey(key_id) => Err(UnknownKey { key_id }),
        };
        payloads.into_iter().map(open).collect()
    }
}

/// Both directions are done when they return: they take microseconds, and at most once a second the look at a file.
impl PayloadCodec for SensitiveCodec {
    fn encode(
        &self,
        _: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        ready(Ok(self.encode_all(payloads))).boxed()
    }

    fn decode(
        &self,
        _: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let decoded = self.decode_all(payloads).map_err(|error| {
            let key_id = &error.key_id;
            tracing::error!(
                key.id = %key_id,
                "a task waits for the key {key_id}: add it to the file of payload keys (TENANTRY_CODEC_KEYS_FILE)"
            );
            PayloadConversionError::EncodingError(error.into())
        });
        ready(decoded).boxed()
    }
}

#[cfg(test)]
#[path = "sensitive_tests.rs"]
mod tests;
