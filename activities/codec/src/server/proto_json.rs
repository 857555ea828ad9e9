//! `Payloads` in proto JSON (<https://protobuf.dev/programming-guides/json/>): bytes are base64, empty fields may be left out.

use serde_json::Value;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};

/// Reads a body. None when it is something else; the error is dropped because it quotes the body.
pub(super) fn read(body: &[u8]) -> Option<Vec<Payload>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    drop_nulls(&mut value);
    let payloads: Payloads = serde_json::from_value(value).ok()?;
    Some(payloads.payloads)
}

/// Writes an answer.
pub(super) fn write(payloads: Vec<Payload>) -> Vec<u8> {
    serde_json::to_vec(&Payloads { payloads }).expect("a Payloads message has a JSON form")
}

/// A null stands for a field that is left out ("null is an accepted value for all field types"); Temporal's own gateway
/// writes `"data": null` for a payload without data, and the generated reader refuses it.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(body: &Value, expected: Option<&Value>) {
        let written = read(body.to_string().as_bytes()).map(write);
        let written = written.map(|bytes| serde_json::from_slice::<Value>(&bytes).unwrap());
        assert_eq!(written.as_ref(), expected, "{body}");
    }

    #[test]
    fn what_is_left_out_or_null_is_empty() {
        let null = json!({ "payloads": [{ "metadata": { "encoding": "YmluYXJ5L251bGw=" } }] });
        check(&null, Some(&null));
        check(
            &json!({ "payloads": [{ "metadata": { "encoding": "YmluYXJ5L251bGw=" }, "data": null, "externalPayloads": [] }] }),
            Some(&null),
        );
        check(&json!({}), Some(&json!({})));
        check(&json!({ "payloads": [{}] }), Some(&json!({ "payloads": [{}] })));
        let external = json!({ "payloads": [{ "externalPayloads": [{ "sizeBytes": "9007199254740993" }] }] });
        check(&external, Some(&external));
    }

    #[test]
    fn another_message_is_refused() {
        let others = [
            json!(null),
            json!("text"),
            json!({ "payloads": {} }),
            json!({ "payloads": [null] }),
            json!({ "payloads": [{ "data": "no base64!" }] }),
            json!({ "payloads": [{ "metadata": { "encoding": 1 } }] }),
            json!({ "payload": [] }),
        ];
        others.iter().for_each(|body| check(body, None));
        assert!(read(b"").is_none() && read(b"{").is_none() && read(&[0xff]).is_none());
    }
}
