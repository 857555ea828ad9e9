//! A parameter that always decodes.
//!
//! A signal or start payload that does not decode fails the workflow task, again and again, and one bad sender would
//! block a run for ever (SDK 1.1.1, measured: `serde_json::Value` refuses no argument, two arguments, and bytes).

use serde_json::Value;
use temporalio_common::data_converters::{
    PayloadConversionError, SerializationContext, TemporalDeserializable, TemporalSerializable,
};
use temporalio_common::protos::temporal::api::common::v1::Payload;

/// The first argument as JSON; `Null` when there is none, or when it is not JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loose(pub Value);

impl Loose {
    /// Reads a message leniently: what does not fit its fields counts as an empty message.
    pub fn read<M: serde::de::DeserializeOwned + Default>(self) -> M {
        serde_json::from_value(self.0).unwrap_or_default()
    }

    /// Wraps a message of ours.
    pub fn write(message: &impl serde::Serialize) -> Self {
        Self(serde_json::to_value(message).unwrap_or_default())
    }
}

fn json(payload: &Payload) -> Value {
    match payload.metadata.get("encoding").map(Vec::as_slice) {
        Some(b"json/plain" | b"json/protobuf") => serde_json::from_slice(&payload.data).unwrap_or_default(),
        _ => Value::Null,
    }
}

impl TemporalSerializable for Loose {
    fn to_payload(&self, _: &SerializationContext<'_>) -> Result<Payload, PayloadConversionError> {
        let data = serde_json::to_vec(&self.0).map_err(|e| PayloadConversionError::EncodingError(e.into()))?;
        Ok(Payload { metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(), data, ..Payload::default() })
    }
}

impl TemporalDeserializable for Loose {
    fn from_payload(_: &SerializationContext<'_>, payload: Payload) -> Result<Self, PayloadConversionError> {
        Ok(Self(json(&payload)))
    }

    fn from_payloads(_: &SerializationContext<'_>, payloads: Vec<Payload>) -> Result<Self, PayloadConversionError> {
        Ok(Self(payloads.first().map(json).unwrap_or_default()))
    }
}
