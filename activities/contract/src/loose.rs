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
    /// Reads a message leniently: what does not fit its fields counts as an empty message. A `null` counts as absent.
    pub fn read<M: serde::de::DeserializeOwned + Default>(self) -> M {
        self.parse().unwrap_or_default()
    }

    /// Reads a message; a `null` counts as absent, and so does a whole message that is none.
    ///
    /// # Errors
    /// The fields whose type is another one than the message's, in order; `$` when it is no object.
    pub fn parse<M: serde::de::DeserializeOwned + Default>(self) -> Result<M, Vec<String>> {
        let object = match without_nulls(self.0) {
            Value::Null => return Ok(M::default()),
            Value::Object(object) => object,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return Err(vec!["$".to_owned()]),
        };
        serde_json::from_value(Value::Object(object.clone())).map_err(|_| {
            // The reader of messages names no field: each is read alone.
            let misfits = |(name, value): (String, Value)| {
                let alone = Value::Object([(name.clone(), value)].into_iter().collect());
                serde_json::from_value::<M>(alone).is_err().then_some(name)
            };
            let fields: Vec<String> = object.into_iter().filter_map(misfits).collect();
            if fields.is_empty() { vec!["$".to_owned()] } else { fields }
        })
    }

    /// Wraps a message of ours.
    pub fn write(message: &impl serde::Serialize) -> Self {
        Self(serde_json::to_value(message).unwrap_or_default())
    }
}

/// A member that is `null` is one that is not given, at every depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::{RepairRequest, ResendWelcomeInput, TenantRepairInput};
    use serde_json::json;

    #[test]
    fn a_null_counts_as_absent() {
        let given = json!({ "action": "retry", "by": "ann", "note": null });
        let read: RepairRequest = Loose(given).read();
        assert_eq!((read.action.as_str(), read.by.as_str(), read.note.as_str()), ("retry", "ann", ""));
        let given = json!({ "tenantId": "t", "userId": null, "triggeredBy": "ann", "triggeredByEmail": null });
        let read: ResendWelcomeInput = Loose(given).parse().unwrap();
        assert_eq!((read.tenant_id.as_str(), read.user_id.as_str()), ("t", ""));
        let given = json!({ "originId": "o", "facts": { "tenantId": null, "skipped": ["x"], "stripe": null } });
        assert_eq!(Loose(given).parse::<TenantRepairInput>().unwrap().facts.unwrap().skipped, ["x"]);
        assert_eq!(Loose(Value::Null).parse::<RepairRequest>(), Ok(RepairRequest::default()));
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let misfits = |value: Value| Loose(value).parse::<RepairRequest>().unwrap_err();
        assert_eq!(misfits(json!({ "action": "retry", "by": "ann", "note": 5 })), ["note"]);
        assert_eq!(misfits(json!({ "action": [], "by": {}, "note": "x", "other": 1 })), ["action", "by"]);
        assert_eq!(misfits(json!("retry")), ["$"]);
        assert_eq!(misfits(json!([])), ["$"]);
        assert_eq!(Loose(json!({ "action": 5 })).read::<RepairRequest>(), RepairRequest::default());
    }
}
