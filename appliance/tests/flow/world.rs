//! The service, the keys, the clock, and the redemption that a test drives.

use crate::home::Home;
use appliance::client::LicenseApi;
use appliance::clock::Clock;
use appliance::redeem::{Given, Parts, RedeemError, Redeemed, redeem};
use appliance::service::{Loopback, ServiceUrl};
use appliance::state::RedemptionState;
use appliance::trust::Verifier;
use credentials::KeyId;
use license::built_in::{built_in, development_root, development_signer};
use license::signer::{DevelopmentSigner, LicenseSigner, sign_keyset, sign_license};
use model::license::claims::{LicenseClaims, TenantId};
use model::license::edition::Tier;
use model::license::install_code::InstallCode;
use model::license::keyset::KeysetClaims;
use model::license::token_keys::{TestKeys, TrustedKey};
use outbound::Limits;
use outbound::testkit::{ScriptedServer, install_tls_provider};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x1111_1111_2222_4333_8444_5555_5555_5555);
pub(crate) const OTHER: Uuid = Uuid::from_u128(0x9999_9999_2222_4333_8444_5555_5555_5555);
/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_767_225_600;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const CODE: &str = "K7QPM2RX";

/// Long enough for any busy machine.
const LIMITS: Limits = Limits { connect: Duration::from_secs(30), total: Duration::from_secs(60), body_max: 64 * 1024 };
/// For what never answers.
pub(crate) const SHORT: Limits = Limits { total: Duration::from_millis(1_500), ..LIMITS };

pub(crate) struct At(pub(crate) i64);

impl Clock for At {
    fn unix_seconds(&self) -> i64 {
        self.0
    }
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(built_in(TestKeys::Accepted), Arc::new(license::verifier::Verifier::new(0)))
}

pub(crate) fn api(server: &ScriptedServer) -> LicenseApi {
    api_with(server, LIMITS)
}

pub(crate) fn api_with(server: &ScriptedServer, limits: Limits) -> LicenseApi {
    install_tls_provider();
    let service = ServiceUrl::parse(&server.base_url(), Loopback::Allowed).unwrap();
    LicenseApi::with_limits(service, limits).unwrap()
}

/// A licence of 31 days.
pub(crate) async fn token(tenant: Uuid, issued_at: i64) -> String {
    token_by(&development_signer(), tenant, issued_at).await
}

/// A licence of 31 days, signed by this key.
pub(crate) async fn token_by(signer: &dyn LicenseSigner, tenant: Uuid, issued_at: i64) -> String {
    let claims = LicenseClaims {
        subject: "lic_0001".to_owned(),
        customer: "Acme".to_owned(),
        tier: Tier::Pro,
        seats: None,
        tenant: TenantId::parse(&tenant.to_string()).unwrap(),
        issued_at,
        expires_at: issued_at + 31 * DAY,
    };
    sign_license(signer, &claims).await.unwrap().expose().to_owned()
}

/// A key that no build carries.
pub(crate) fn next_signer() -> DevelopmentSigner {
    DevelopmentSigner::from_text(KeyId::parse("v2-test").unwrap(), "a key of these tests").unwrap()
}

/// A statement of [`NOW`] that names this key.
pub(crate) async fn statement(version: u64, key: &dyn LicenseSigner) -> String {
    let keys = vec![(key.kid().to_string(), TrustedKey::always(key.public_key()))];
    let claims = KeysetClaims { version, issued_at: NOW, expires_at: NOW + 90 * DAY, keys };
    sign_keyset(&development_root(), &claims).await.unwrap()
}

pub(crate) fn credential() -> String {
    "0a".repeat(32)
}

/// What a paid code yields.
pub(crate) fn paid(server: &ScriptedServer, tenant: Uuid, token: &str) -> Value {
    json!({
        "tenant_id": tenant, "edition": "pro", "company_name": "Acme", "contact_email": "a@acme.example",
        "appliance_credential": credential(), "first_jwt": token,
        "check_in_url": format!("{}/check-in", server.base_url()),
    })
}

pub(crate) fn given(code: &str) -> Given {
    Given::Code(InstallCode::parse(code).unwrap())
}

/// Redeems at [`NOW`].
pub(crate) async fn run(
    state: &mut dyn RedemptionState,
    home: &Home,
    api: &LicenseApi,
    seed: u64,
    given: Given,
) -> Result<Redeemed, RedeemError> {
    let verifier = verifier();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut parts = Parts {
        state,
        home,
        api,
        verifier: &verifier,
        clock: &At(NOW),
        rng: &mut rng,
        loopback: Loopback::Allowed,
        progress: &|_| {},
    };
    redeem(&mut parts, given).await
}

/// The same text with one character of its signature changed.
pub(crate) fn altered(text: &str) -> String {
    let (front, back) = text.split_at(text.len() - 20);
    let changed = if back.starts_with('A') { 'B' } else { 'A' };
    format!("{front}{changed}{}", &back[1..])
}
