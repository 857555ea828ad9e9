//! Answers that must not be believed.

use crate::home::{Home, Rows};
use crate::world::{CODE, DAY, NOW, OTHER, SHORT, TENANT, altered, api, api_with, credential, given, paid, run, token};
use appliance::code::FailureCode;
use appliance::state::FileState;
use outbound::testkit::{Answer, Page, ScriptedServer};
use serde_json::{Value, json};

/// Redeems with an answer, and tells the code of the failure. Nothing may be written then.
async fn refused(home: Home, answer: Answer) -> FailureCode {
    let server = ScriptedServer::start().await;
    server.always("/register", answer);
    let before = home.rows();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let mut state = FileState::open(&path).unwrap();
    let error = run(&mut state, &home, &api_with(&server, SHORT), 1, given(CODE)).await.unwrap_err();
    assert_eq!(home.rows(), before, "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().contains("prepared"), "the key is kept");
    assert!(server.requests_to("/check-in").is_empty());
    error.code()
}

/// An answer of its own service, changed in one field.
async fn changed(field: &str, value: Value) -> FailureCode {
    let server = ScriptedServer::start().await;
    let mut body = paid(&server, TENANT, &token(TENANT, NOW).await);
    body[field] = value;
    server.always("/register", Answer::json(200, &body));
    let (folder, home) = (tempfile::tempdir().unwrap(), Home::fresh());
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    let error = run(&mut state, &home, &api(&server), 1, given(CODE)).await.unwrap_err();
    assert_eq!(home.rows(), Rows::default(), "{field}");
    assert!(server.requests_to("/check-in").is_empty(), "{field}: no credential left");
    error.code()
}

#[tokio::test]
async fn a_check_in_address_elsewhere_spoils_the_answer() {
    for evil in
        ["https://evil.example/check-in", "https://license.nineminds.com/check-in", "http://127.0.0.1:1/check-in", ""]
    {
        assert_eq!(changed("check_in_url", json!(evil)).await, FailureCode::InvalidLicenseResponse, "{evil}");
    }
}

#[tokio::test]
async fn a_licence_that_does_not_verify_spoils_the_answer() {
    let good = token(TENANT, NOW).await;
    let altered = altered(&good);
    for (bad, code) in [
        (altered, FailureCode::InvalidLicenseResponse),
        (token(OTHER, NOW).await, FailureCode::TenantMismatch),
        (token(TENANT, NOW - 40 * DAY).await, FailureCode::InvalidLicenseResponse),
        (token(TENANT, NOW + DAY).await, FailureCode::InvalidLicenseResponse),
        ("a.b.c".to_owned(), FailureCode::InvalidLicenseResponse),
    ] {
        assert_eq!(changed("first_jwt", json!(bad)).await, code);
    }
}

#[tokio::test]
async fn an_installed_appliance_takes_a_licence_of_its_own_tenant_only() {
    let essentials = Answer::json(200, &json!({ "tenant_id": TENANT, "edition": "essentials" }));
    assert_eq!(refused(Home::installed(TENANT), essentials.clone()).await, FailureCode::InvalidLicenseResponse);
    assert_eq!(refused(Home::installed(OTHER), essentials).await, FailureCode::TenantMismatch);
    let body = json!({
        "tenant_id": OTHER, "edition": "pro", "appliance_credential": credential(),
        "first_jwt": token(OTHER, NOW).await, "check_in_url": "https://x.example/check-in",
    });
    assert_eq!(refused(Home::installed(TENANT), Answer::json(200, &body)).await, FailureCode::TenantMismatch);
}

#[tokio::test]
async fn an_installed_appliance_says_which_tenant_it_is_and_expects() {
    let server = ScriptedServer::start().await;
    server.always("/register", Answer::json(409, &json!({ "code": "no_license_on_code" })));
    let (folder, home) = (tempfile::tempdir().unwrap(), Home::installed(TENANT));
    home.lock().appliance_id = Some("old:id".to_owned());
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    let error = run(&mut state, &home, &api(&server), 1, given(CODE)).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::NoLicenseOnCode);
    let sent: Value = server.requests()[0].json().unwrap();
    let expected = json!({
        "claim_code": CODE, "appliance_id": "old:id", "tenant_id": TENANT, "expected_tenant_id": TENANT,
        "require_license": true,
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_redirect_an_endless_and_a_strange_answer_are_refused_and_a_hung_one_is_tried_again() {
    let elsewhere = ScriptedServer::start().await;
    let redirect = Page::status(307).with_header("location", &format!("{}/register", elsewhere.base_url()));
    assert_eq!(refused(Home::fresh(), Answer::Page(redirect)).await, FailureCode::InvalidLicenseResponse);
    assert!(elsewhere.requests().is_empty(), "a redirect is not followed");
    let large = Page::text(200, &"x".repeat(64 * 1024 + 1));
    assert_eq!(refused(Home::fresh(), Answer::Page(large)).await, FailureCode::InvalidLicenseResponse);
    assert_eq!(refused(Home::fresh(), Answer::Endless).await, FailureCode::InvalidLicenseResponse);
    let page = Answer::Page(Page::text(200, "<html>portal</html>"));
    assert_eq!(refused(Home::fresh(), page).await, FailureCode::InvalidLicenseResponse);
    assert_eq!(refused(Home::fresh(), Answer::Silent).await, FailureCode::ServiceUnavailable);
    assert_eq!(
        refused(Home::fresh(), Answer::StallInBody(Page::text(200, "{}  "))).await,
        FailureCode::ServiceUnavailable
    );
    assert_eq!(refused(Home::fresh(), Answer::Nonsense).await, FailureCode::ServiceUnavailable);
}

#[tokio::test]
async fn nothing_is_asked_where_there_is_not_one_row_of_licence_state() {
    for licenses in [0, 2] {
        let server = ScriptedServer::start().await;
        let (folder, mut home) = (tempfile::tempdir().unwrap(), Home::installed(TENANT));
        home.licenses = licenses;
        let mut state = FileState::open(&folder.path().join("r")).unwrap();
        let error = run(&mut state, &home, &api(&server), 1, given(CODE)).await.unwrap_err();
        assert_eq!(error.code(), FailureCode::NotSelfHost);
        assert!(server.requests().is_empty());
    }
}
