//! What is written, and what is left alone.

use crate::api::FakeApi;
use appliance::ids::ApplianceId;
use appliance::installation::{Fresh, Grant, Installation as _};
use appliance::secrets::{
    InitialTenant, KubernetesSecrets, SetupFault, adopt_tenant, ensure_auth_key, forget_admin_password,
    write_initial_tenant, write_seed, write_token,
};
use appliance::wire::{PaidAnswer, RegisterAnswer};
use axum::http::Method;
use model::license::edition::Edition;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const SEED: &str = "/api/v1/namespaces/msp/secrets/appliance-license-seed";
const TENANT: &str = "/api/v1/namespaces/msp/secrets/appliance-initial-tenant";
const SHARED: &str = "/api/v1/namespaces/msp/secrets/alga-psa-shared";

fn paid() -> RegisterAnswer {
    let paid = PaidAnswer {
        credential: "0a".repeat(32).into(),
        token: "a.b.c".into(),
        check_in_url: "https://own.example/check-in".to_owned(),
    };
    RegisterAnswer { tenant: Uuid::nil(), edition: Edition::Pro, paid: Some(paid) }
}

fn essentials() -> RegisterAnswer {
    RegisterAnswer { tenant: Uuid::nil(), edition: Edition::Essentials, paid: None }
}

fn id() -> ApplianceId {
    ApplianceId::parse("appliance-1").unwrap()
}

async fn secrets() -> (FakeApi, KubernetesSecrets) {
    let (api, client) = FakeApi::start().await;
    (api, KubernetesSecrets::new(client))
}

#[tokio::test]
async fn a_paid_seed_is_whole_and_an_essentials_seed_leaves_empty_fields_out() {
    let (api, secrets) = secrets().await;
    write_seed(&secrets, &id(), &paid()).await.unwrap();
    let expected = [
        ("APPLIANCE_CREDENTIAL", "0a".repeat(32)),
        ("APPLIANCE_ID", "appliance-1".to_owned()),
        ("CHECK_IN_URL", "https://own.example/check-in".to_owned()),
        ("EDITION_CHOICE", "ee".to_owned()),
        ("INSTALL_EDITION", "pro".to_owned()),
        ("LICENSE_TOKEN", "a.b.c".to_owned()),
    ];
    let data: Vec<(String, String)> = api.data(SEED).into_iter().collect();
    assert_eq!(data, expected.map(|(key, value)| (key.to_owned(), value)));
    // Another redemption takes its place whole.
    write_seed(&secrets, &id(), &essentials()).await.unwrap();
    let keys: Vec<String> = api.data(SEED).into_keys().collect();
    assert_eq!(keys, ["APPLIANCE_ID", "EDITION_CHOICE", "INSTALL_EDITION"]);
    assert_eq!(api.data(SEED)["INSTALL_EDITION"], "essentials");
}

#[tokio::test]
async fn writing_again_changes_nothing() {
    let (api, secrets) = secrets().await;
    for _ in 0..2 {
        write_seed(&secrets, &id(), &paid()).await.unwrap();
        write_token(&secrets, &"d.e.f".into()).await.unwrap();
    }
    write_token(&secrets, &"d.e.f".into()).await.unwrap();
    let (data, version) = (api.data(SEED), api.version(SEED));
    write_token(&secrets, &"d.e.f".into()).await.unwrap();
    assert_eq!((api.data(SEED), api.version(SEED)), (data, version));
}

#[tokio::test]
async fn one_field_leaves_ours_and_those_of_others_alone() {
    let (api, secrets) = secrets().await;
    api.put(SEED, "OTHER", "theirs");
    write_seed(&secrets, &id(), &paid()).await.unwrap();
    write_token(&secrets, &"d.e.f".into()).await.unwrap();
    let data = api.data(SEED);
    assert_eq!((data["LICENSE_TOKEN"].as_str(), data["OTHER"].as_str()), ("d.e.f", "theirs"));
    assert_eq!((data["APPLIANCE_ID"].as_str(), data.len()), ("appliance-1", 7));
}

#[tokio::test]
async fn the_authentication_key_is_made_once() {
    let (api, secrets) = secrets().await;
    assert!(ensure_auth_key(&secrets, &mut StdRng::seed_from_u64(1)).await.unwrap());
    let (data, version) = (api.data(SHARED), api.version(SHARED));
    assert_eq!(data["ALGA_AUTH_KEY"].len(), 43, "32 bytes");
    let writes = api.writes();
    assert!(!ensure_auth_key(&secrets, &mut StdRng::seed_from_u64(2)).await.unwrap());
    assert_eq!((api.data(SHARED), api.version(SHARED), api.writes()), (data, version, writes));
}

#[tokio::test]
async fn an_authentication_key_of_others_stays_and_a_secret_without_one_gets_one() {
    let (api, secrets) = secrets().await;
    api.put(SHARED, "NEXTAUTH_SECRET", "theirs");
    assert!(ensure_auth_key(&secrets, &mut StdRng::seed_from_u64(1)).await.unwrap());
    assert_eq!(api.data(SHARED)["NEXTAUTH_SECRET"], "theirs");
    api.put(SHARED, "ALGA_AUTH_KEY", "older");
    assert!(!ensure_auth_key(&secrets, &mut StdRng::seed_from_u64(2)).await.unwrap());
    assert_eq!(api.data(SHARED)["ALGA_AUTH_KEY"], "older");
}

#[tokio::test]
async fn the_tenant_id_joins_what_setup_wrote_and_the_password_goes() {
    let (api, secrets) = secrets().await;
    let tenant = InitialTenant::parse(" Acme ", ["Ada", "Byron"], "ada@acme.example", "Str0ng!pass".into()).unwrap();
    write_initial_tenant(&secrets, &tenant).await.unwrap();
    assert!(!api.data(TENANT).contains_key("INITIAL_TENANT_ID"));
    adopt_tenant(&secrets, Uuid::nil()).await.unwrap();
    let data = api.data(TENANT);
    assert_eq!(
        (data["INITIAL_TENANT_NAME"].as_str(), data["INITIAL_ADMIN_PASSWORD"].as_str()),
        ("Acme", "Str0ng!pass")
    );
    assert_eq!((data["INITIAL_TENANT_ID"].as_str(), data.len()), (Uuid::nil().to_string().as_str(), 6));
    for _ in 0..2 {
        forget_admin_password(&secrets).await.unwrap();
    }
    let data = api.data(TENANT);
    assert_eq!((data.contains_key("INITIAL_ADMIN_PASSWORD"), data.len()), (false, 5));
    // A later write of ours does not bring it back.
    adopt_tenant(&secrets, Uuid::nil()).await.unwrap();
    assert_eq!(api.data(TENANT).len(), 5);
}

#[tokio::test]
async fn a_new_appliance_finds_its_id_again() {
    let (api, secrets) = secrets().await;
    let home = Fresh::new(Arc::new(secrets));
    assert!(home.standing().await.unwrap().appliance_id.is_none());
    let (id, answer) = (id(), paid());
    home.grant_in_secrets(&Grant { appliance_id: &id, answer: &answer, highest: 0 }).await.unwrap();
    assert_eq!(home.standing().await.unwrap().appliance_id, Some(id));
    assert_eq!(api.data(TENANT)["INITIAL_TENANT_ID"], Uuid::nil().to_string());
    assert!(api.data(SHARED).contains_key("ALGA_AUTH_KEY"));
}

#[tokio::test]
async fn a_change_in_between_is_read_again_and_given_up_in_the_end() {
    let (api, secrets) = secrets().await;
    api.fail(Method::PATCH, 409, 2);
    write_token(&secrets, &"a.b.c".into()).await.unwrap();
    api.fail(Method::PATCH, 409, 5);
    let error = write_token(&secrets, &"d.e.f".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "could not write msp/appliance-license-seed: it keeps changing");
    assert_eq!(api.data(SEED)["LICENSE_TOKEN"], "a.b.c");
}

#[tokio::test]
async fn every_write_is_checked_and_no_message_of_the_server_is_repeated() {
    let (api, secrets) = secrets().await;
    for (status, text) in [
        (403, "cannot write msp/appliance-license-seed: the cluster refuses with status 403"),
        (422, "cannot write msp/appliance-license-seed: the cluster refuses with status 422"),
        (500, "could not reach the cluster to write msp/appliance-license-seed"),
    ] {
        api.fail(Method::PATCH, status, 1);
        let error = write_token(&secrets, &"a.b.c".into()).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(!format!("{error:?}").contains("CANARY"));
    }
    let (_socket, address) = outbound::testkit::refusing_address();
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    let nowhere = KubernetesSecrets::with_call_max(kube::Client::try_from(config).unwrap(), Duration::from_secs(30));
    let error = write_token(&nowhere, &"a.b.c".into()).await.unwrap_err();
    assert!(error.to_string().starts_with("could not reach the cluster"), "{error}");
}

#[track_caller]
fn check(name: &str, names: [&str; 2], email: &str, password: &str, expected: &[SetupFault]) {
    let faults = InitialTenant::parse(name, names, email, password.into()).err().unwrap_or_default();
    assert_eq!(faults, expected, "{name} {names:?} {email}");
}

#[test]
fn setup_tells_all_that_is_missing() {
    use SetupFault::{Email, FirstName, LastName, Name, Password};
    let (names, mail, strong) = (["Ada", "Byron"], "ada@acme.example", "Aa3456!8");
    check("Acme", names, mail, strong, &[]);
    check(" ", ["", " "], "ada", "", &[Name, FirstName, LastName, Email, Password]);
    for weak in ["Aa345!8", "aa3456!8", "AA3456!8", "Aaaaaa!!", "Aa345678", "Aa3456 8"] {
        check("Acme", names, mail, weak, &[Password]);
    }
    for none in ["", "@acme.example", "ada@", "a@b@c", "a b@acme.example"] {
        check("Acme", names, none, strong, &[Email]);
    }
}
