//! The codec in the data converter of the SDK.

use super::*;
use crate::fixture::{Log, file, marked, plain};
use contract::loose::Loose;
use contract::sensitive::Sensitive;
use serde_json::{Value, json};
use temporalio_common::data_converters::{
    DataConverter, DefaultFailureConverter, PayloadConverter, SerializationContextData,
};

const CANARY: &str = "canary-4711";

fn codec(keys: &[(&str, u8)]) -> SensitiveCodec {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys"), file(keys)).unwrap();
    SensitiveCodec::new(WatchedKeys::open(folder.path().join("keys")).unwrap())
}

fn converter(codec: SensitiveCodec) -> DataConverter {
    DataConverter::new(PayloadConverter::default(), DefaultFailureConverter::default(), codec)
}

/// Runs a future of the codec, which is always ready.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the codec never waits")
}

#[test]
fn only_marked_payloads_change_and_all_keep_their_places() {
    let codec = codec(&[("a", 1)]);
    let payloads = vec![plain("1"), marked(CANARY), Payload::default(), marked(CANARY), plain("5")];
    let encoded = codec.encode_all(payloads.clone());
    for place in [0, 2, 4] {
        assert_eq!(encoded[place], payloads[place]);
    }
    for place in [1, 3] {
        assert!(envelope::is_ours(&encoded[place]));
    }
    assert_eq!(codec.encode_all(encoded.clone()), encoded, "what is encrypted is not encrypted again");
    assert_eq!(codec.decode_all(encoded).unwrap(), payloads);
    assert_eq!(codec.decode_all(payloads.clone()).unwrap(), payloads, "what was never encrypted passes");
    assert_eq!(codec.encode_all(vec![]), []);
}

#[test]
fn a_start_input_is_hidden_on_its_way_and_read_loosely_at_its_end() {
    let converter = converter(codec(&[("a", 1)]));
    let context = SerializationContextData::None;
    let input = json!({ "tenantName": "Acme", "adminUser": { "password": CANARY } });
    let sent = now(converter.to_payload(&context, &Sensitive::from(input.clone()))).unwrap();
    assert!(!sent.data.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()));
    assert_eq!(now(converter.from_payload::<Loose>(&context, sent.clone())).unwrap().0, input);
    assert_eq!(now(converter.from_payloads::<Loose>(&context, vec![sent.clone()])).unwrap().0, input);
    assert_eq!(now(converter.from_payload::<Value>(&context, sent.clone())).unwrap(), input);
    assert_eq!(now(converter.from_payload::<Sensitive<Value>>(&context, sent)).unwrap().into_inner(), input);
    // What an older caller sends stays readable for everybody, and is read.
    let sent = now(converter.to_payload(&context, &input)).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&sent.data).unwrap(), input);
    assert_eq!(now(converter.from_payload::<Loose>(&context, sent)).unwrap().0, input);
}

#[test]
fn what_does_not_open_reaches_its_reader_as_it_is() {
    let (log, _guard) = Log::listen();
    let codec = codec(&[("a", 1)]);
    let mut damaged = codec.encode_all(vec![marked(CANARY)]).remove(0);
    damaged.data[20] ^= 1;
    let decoded = codec.decode_all(vec![plain("1"), damaged.clone()]).unwrap();
    assert_eq!(decoded, [plain("1"), damaged.clone()]);
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("WARN"), "{lines:?}");
    let converter = converter(codec);
    let context = SerializationContextData::None;
    let read = now(converter.from_payload::<Loose>(&context, damaged.clone())).unwrap();
    assert_eq!(read.0, Value::Null, "the input is then refused as one without any field");
    let read = now(converter.from_payload::<Sensitive<Value>>(&context, damaged));
    assert!(matches!(read, Err(PayloadConversionError::WrongEncoding)));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_in_the_log() {
    let (log, _guard) = Log::listen();
    let sent = codec(&[("a", 1), ("b", 2)]).encode_all(vec![marked(CANARY)]);
    let late = codec(&[("a", 1)]);
    let error = now(late.decode(&SerializationContextData::None, sent)).unwrap_err();
    let text = "could not decrypt a payload: the key b is not in the file of payload keys";
    assert_eq!(error.to_string(), format!("Encoding error: {text}"));
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("ERROR") && lines[0].contains("key.id=b"), "{lines:?}");
}

#[test]
fn the_wait_for_a_key_ends_when_the_file_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, file(&[("a", 1)])).unwrap();
    let early = codec(&[("a", 1), ("b", 2)]);
    let late = SensitiveCodec::new(WatchedKeys::open(&path).unwrap());
    let sent = early.encode_all(vec![marked(CANARY)]);
    let missing = late.decode_all(sent.clone()).unwrap_err();
    assert_eq!(missing.key_id.as_str(), "b");
    std::fs::write(&path, file(&[("a", 1), ("b", 2)])).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while late.decode_all(sent.clone()) != Ok(vec![marked(CANARY)]) {
        assert!(std::time::Instant::now() < deadline, "the new key is not seen");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
