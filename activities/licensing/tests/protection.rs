//! A code on its way to an appliance: marked for the codec, or in clear (licensing contract, L-08).
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use appliance::code::FailureCode;
use appliance::service::Loopback;
use appliance::trust::{self, TrustFiles, Verifier};
use codec::{SensitiveCodec, WatchedKeys};
use contract::sensitive::{Guarded, Sensitive};
use credentials::KeyFile;
use licensing::{ApplianceActivities, LicensingCounters, Protection, Site};
use prometheus::Registry;
use proto::v1 as wire;
use serde_json::json;
use std::sync::Arc;
use temporalio_common::data_converters::{
    DataConverter, DefaultFailureConverter, PayloadConverter, SerializationContextData, TemporalSerializable,
};
use temporalio_sdk::activities::ActivityError;

const CODE: &str = "K7QPM2RX";
/// One key; its bytes are numbers in a row.
const KEYS: &str = "1 AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n";

/// An appliance without a cluster, which is what a step says that was let in; and how many secrets came in clear.
fn appliance(protection: Protection) -> (ApplianceActivities, impl Fn() -> f64) {
    let (metrics, pool) = (Registry::new(), store::pool(sqlx::postgres::PgConnectOptions::new(), 1));
    let keys = trust::load(TrustFiles::default(), license::built_in::TEST_KEYS).unwrap();
    let sealing = Arc::new(KeyFile::parse(KEYS).unwrap().sealing);
    let site = Site {
        pool,
        secrets: None,
        verifier: Arc::new(Verifier::new(keys, Arc::new(license::verifier::Verifier::default()))),
        sealing: Arc::new(move || Arc::clone(&sealing)),
        service_url: None,
        loopback: Loopback::Refused,
        protection,
        secret_folder: None,
        counters: LicensingCounters::register(&metrics).unwrap(),
    };
    let in_clear = move || {
        let all = metrics.gather();
        let plaintext = all.iter().find(|family| family.name() == "tenantry_license_plaintext_inputs_total").unwrap();
        plaintext.get_metric()[0].get_counter().get_value()
    };
    (ApplianceActivities::new(site), in_clear)
}

/// What the first step of the redemption says to a start input that was sent through the codec, and the bytes on the way.
async fn sent(steps: &ApplianceActivities, input: &(impl TemporalSerializable + 'static)) -> (String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys"), KEYS).unwrap();
    let codec = SensitiveCodec::new(WatchedKeys::open(folder.path().join("keys")).unwrap());
    let converter = DataConverter::new(PayloadConverter::default(), DefaultFailureConverter::default(), codec);
    let context = SerializationContextData::None;
    let payload = converter.to_payload(&context, input).await.unwrap();
    let bytes = payload.data.clone();
    let guarded: Guarded = converter.from_payloads(&context, vec![payload]).await.unwrap();
    let protected = guarded.marked;
    let read: wire::RedeemInput = guarded.value.read();
    assert_eq!(read.claim_code, CODE);
    // As the workflow passes it on.
    let request = wire::PrepareRedemptionRequest { claim_code: read.claim_code, request_ref: String::new(), protected };
    let ActivityError::Application(failure) = steps.prepare_redemption(&request).await.unwrap_err() else {
        panic!("an application failure")
    };
    (failure.type_name().unwrap_or_default().to_owned(), bytes)
}

fn holds_the_code(bytes: &[u8]) -> bool {
    bytes.windows(CODE.len()).any(|part| part == CODE.as_bytes())
}

#[tokio::test]
async fn a_marked_code_is_hidden_on_its_way_and_let_in_where_that_is_required() {
    let (steps, in_clear) = appliance(Protection::Required);
    let (kind, bytes) = sent(&steps, &Sensitive::from(json!({ "claimCode": CODE }))).await;
    assert_eq!((kind.as_str(), in_clear()), (FailureCode::ClusterUnavailable.as_str(), 0.0));
    assert!(!holds_the_code(&bytes));
}

#[tokio::test]
async fn a_code_in_clear_is_counted_and_refused_where_protection_is_required() {
    for (protection, expected) in
        [(Protection::Required, "plaintext_refused"), (Protection::Asked, FailureCode::ClusterUnavailable.as_str())]
    {
        let (steps, in_clear) = appliance(protection);
        let (kind, bytes) = sent(&steps, &json!({ "claimCode": CODE })).await;
        assert_eq!((kind.as_str(), in_clear()), (expected, 1.0));
        assert!(holds_the_code(&bytes), "existing callers send it readable");
    }
}
