//! One code after another, kept in the database.

use crate::fixture::{Db, Memory, with_database};
use appliance::client::LicenseApi;
use appliance::clock::SystemClock;
use appliance::installation::Installed;
use appliance::redeem::{Given, Parts, Until, redeem_until};
use appliance::service::{Loopback, ServiceUrl};
use appliance::state::{DatabaseState, RedemptionState as _};
use appliance::trust::Verifier;
use credentials::{KeyFile, SealingKeys};
use license::built_in::built_in;
use model::license::install_code::InstallCode;
use model::license::token_keys::TestKeys;
use std::sync::Arc;

/// Prepares a code, as a process of its own; what recognises its key and code. Nobody is asked.
async fn prepared(db: &Db, keys: &Arc<SealingKeys>, code: &str) -> String {
    let mut state = DatabaseState::new(db.worker.clone(), Arc::clone(keys));
    let home = Installed::new(db.worker.clone(), Arc::new(Memory::default()));
    let service = ServiceUrl::parse("https://own.example", Loopback::Refused).unwrap();
    let api = LicenseApi::new(service).unwrap();
    let verifier = Verifier::new(built_in(TestKeys::Accepted), Arc::new(license::verifier::Verifier::new(0)));
    let mut rng = credentials::system_random();
    let mut parts = Parts {
        state: &mut state,
        home: &home,
        api: &api,
        verifier: &verifier,
        clock: &SystemClock,
        rng: &mut rng,
        loopback: Loopback::Refused,
        progress: &|_| {},
    };
    let given = Given::Code(InstallCode::parse(code).unwrap());
    redeem_until(&mut parts, given, Until::Prepared).await.unwrap().reference
}

#[tokio::test]
async fn a_code_keeps_its_key_while_others_are_typed() {
    outbound::testkit::install_tls_provider();
    with_database(async |db| {
        db.execute("INSERT INTO license_state DEFAULT VALUES").await;
        db.execute("INSERT INTO tenants (tenant) VALUES ('11111111-1111-4111-8111-111111111111')").await;
        let key = data_encoding::BASE64.encode(&std::array::from_fn::<u8, 32, _>(|i| u8::try_from(i).unwrap()));
        let keys = Arc::new(KeyFile::parse(&format!("2026-01 {key}")).unwrap().sealing);
        let first = prepared(db, &keys, "K7QPM2RX").await;
        let other = prepared(db, &keys, "AAAABBBB").await;
        assert_ne!(first, other);
        let row = db.value("SELECT r::text FROM tenantry.license_redemption r").await;
        assert!(!row.contains(&first) && !row.contains("redemption-"), "{row}");
        let mut state = DatabaseState::new(db.worker.clone(), Arc::clone(&keys));
        let kept = state.load().await.unwrap().unwrap().replaced;
        assert_eq!(kept.iter().map(|kept| kept.fingerprint.as_str()).collect::<Vec<_>>(), [first.as_str()]);
        // The reference is a hash of the code under the key: the same one means the same key.
        assert_eq!(prepared(db, &keys, " k7qp-m2rx ").await, first);
        assert_eq!(prepared(db, &keys, "AAAABBBB").await, other);
    })
    .await;
}
