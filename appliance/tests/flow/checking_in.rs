//! Check-ins.

use crate::home::{Home, Rows};
use crate::world::{At, DAY, NOW, OTHER, SHORT, TENANT, altered, api, api_with, credential, token, verifier};
use appliance::check_in::{self, CheckInError, Exchange, Held, Outcome};
use appliance::client::LicenseApi;
use appliance::code::FailureCode;
use appliance::installation::InstallationError;
use license::built_in::development_root;
use license::signer::sign_keyset;
use model::license::keyset::KeysetClaims;
use outbound::testkit::{Answer, Page, ScriptedServer};
use serde_json::{Value, json};

/// An appliance that redeemed at [`NOW`].
async fn connected() -> Home {
    let home = Home::installed(TENANT);
    let stored = token(TENANT, NOW).await;
    {
        let mut rows = home.lock();
        (rows.token, rows.credential) = (Some(stored), Some(credential()));
        rows.highest = NOW;
    }
    home
}

async fn at(home: &Home, api: &LicenseApi, now: i64) -> Result<Outcome, CheckInError> {
    let standing = match check_in::held(home).await? {
        Ok(standing) => standing,
        Err(outcome) => return Ok(outcome),
    };
    let held = Held::of(standing).unwrap();
    Exchange { home, api, verifier: &verifier(), clock: &At(now) }.run(&held).await
}

async fn answered(home: &Home, now: i64, body: Value) -> Outcome {
    let server = ScriptedServer::start().await;
    server.always("/check-in", Answer::json(200, &body));
    at(home, &api(&server), now).await.unwrap()
}

/// What a failed check-in may change: nothing but the highest time seen.
fn same_but_for_the_time(rows: &Rows, before: &Rows) -> bool {
    Rows { highest: 0, ..rows.clone() } == Rows { highest: 0, ..before.clone() }
}

#[tokio::test]
async fn a_newer_licence_replaces_the_stored_one_and_moves_the_times() {
    let (home, later) = (connected().await, NOW + 2 * DAY);
    let newer = token(TENANT, later).await;
    let server = ScriptedServer::start().await;
    server.always("/check-in", Answer::json(200, &json!({ "status": "ok", "jwt": newer, "exp": 1, "now": later })));
    let outcome = at(&home, &api(&server), later).await.unwrap();
    assert_eq!(outcome, Outcome::Refreshed { expires_at: later + 31 * DAY });
    let rows = home.rows();
    assert_eq!((rows.token, rows.last_check_in, rows.highest), (Some(newer), Some(later), later));
    let sent: Value = server.requests()[0].json().unwrap();
    let expected = json!({
        "appliance_credential": credential(), "current_license_sub": "lic_0001", "current_exp": NOW + 31 * DAY,
    });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn no_change_and_revoked_keep_the_licence() {
    for (status, word) in [("no_change", "unchanged"), ("revoked", "revoked")] {
        let home = connected().await;
        let before = home.rows();
        let outcome = answered(&home, NOW + DAY, json!({ "status": status, "now": NOW + DAY })).await;
        assert_eq!((outcome.as_str(), outcome.expires_at()), (word, Some(NOW + 31 * DAY)));
        let rows = home.rows();
        assert_eq!((&rows.token, rows.last_check_in), (&before.token, Some(NOW + DAY)));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_verify_changes_nothing() {
    let good = token(TENANT, NOW + DAY).await;
    for (jwt, code) in [
        (altered(&good), FailureCode::InvalidLicenseResponse),
        (token(OTHER, NOW + DAY).await, FailureCode::TenantMismatch),
        (token(TENANT, NOW - 1).await, FailureCode::InvalidLicenseResponse),
        ("x".to_owned(), FailureCode::InvalidLicenseResponse),
    ] {
        let home = connected().await;
        let before = home.rows();
        let outcome = answered(&home, NOW + DAY, json!({ "status": "ok", "jwt": jwt, "now": NOW + DAY })).await;
        assert!(matches!(outcome, Outcome::Error { code: found, .. } if found == code), "{outcome:?}");
        assert!(same_but_for_the_time(&home.rows(), &before));
    }
}

#[tokio::test]
async fn a_refusal_is_an_outcome_and_trouble_is_for_a_repeat() {
    let server = ScriptedServer::start().await;
    let home = connected().await;
    let before = home.rows();
    for (status, body, code) in [
        (401, json!({ "code": "unknown_credential" }), FailureCode::UnknownCredential),
        (401, json!({ "code": "revoked_appliance" }), FailureCode::RevokedAppliance),
        (429, json!({}), FailureCode::TooManyAttempts),
        (400, json!({}), FailureCode::RegistrationRejected),
    ] {
        server.then("/check-in", Answer::json(status, &body));
        let outcome = at(&home, &api(&server), NOW + DAY).await.unwrap();
        assert_eq!(outcome, Outcome::Error { code, detail: code.as_str() });
    }
    for answer in [Answer::status(503), Answer::Cut, Answer::Silent] {
        server.then("/check-in", answer);
        let error = at(&home, &api_with(&server, SHORT), NOW + DAY).await.unwrap_err();
        assert_eq!(error.code(), FailureCode::ServiceUnavailable);
    }
    assert!(same_but_for_the_time(&home.rows(), &before), "the last check-in stands");
}

#[tokio::test]
async fn a_credential_follows_no_redirect() {
    let (server, elsewhere) = (ScriptedServer::start().await, ScriptedServer::start().await);
    let redirect = Page::status(308).with_header("location", &format!("{}/check-in", elsewhere.base_url()));
    server.always("/check-in", Answer::Page(redirect));
    let outcome = at(&connected().await, &api(&server), NOW).await.unwrap();
    assert_eq!(outcome.as_str(), "error");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn an_installation_that_cannot_check_in_says_why_and_asks_nobody() {
    let server = ScriptedServer::start().await;
    let mut home = Home::installed(TENANT);
    for (licenses, word) in [(1, "not_connected"), (0, "not_self_host"), (2, "error")] {
        home.licenses = licenses;
        let outcome = at(&home, &api(&server), NOW).await.unwrap();
        assert_eq!(outcome.as_str(), word);
        if let Outcome::Error { detail, .. } = outcome {
            let redeem = InstallationError::Duplicate("row of licence state").to_string();
            assert_eq!(detail, redeem, "the sentence of a redemption");
        }
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_clock_that_is_wrong_either_way_heals_at_a_check_in() {
    // Set back by 40 days: the newest licence is not from the future.
    let (home, later) = (connected().await, NOW + 20 * DAY);
    home.lock().highest = NOW + 19 * DAY;
    let newer = token(TENANT, later).await;
    let body = json!({ "status": "ok", "jwt": newer, "now": later });
    assert_eq!(answered(&home, later - 40 * DAY, body.clone()).await.as_str(), "refreshed");
    assert_eq!(home.rows().highest, later);
    // It once ran ahead by two years: the newest licence has not expired.
    let home = connected().await;
    home.lock().highest = NOW + 730 * DAY;
    assert_eq!(answered(&home, later, body).await.as_str(), "refreshed");
    assert_eq!(home.rows().highest, later);
}

#[tokio::test]
async fn a_server_time_before_the_stored_licence_spoils_the_answer() {
    let home = connected().await;
    let before = home.rows();
    let outcome = answered(&home, NOW + DAY, json!({ "status": "no_change", "now": NOW - DAY })).await;
    assert_eq!(outcome.as_str(), "error");
    assert!(same_but_for_the_time(&home.rows(), &before));
}

#[tokio::test]
async fn a_server_time_beyond_reason_spoils_the_answer() {
    for status in ["no_change", "revoked"] {
        for now in [4_102_444_800, 99_999_999_999, i64::MAX] {
            let home = connected().await;
            let before = home.rows();
            let outcome = answered(&home, NOW + DAY, json!({ "status": status, "now": now })).await;
            let detail = "a time of the year 2100 or later";
            assert_eq!(outcome, Outcome::Error { code: FailureCode::InvalidLicenseResponse, detail });
            assert!(same_but_for_the_time(&home.rows(), &before));
            assert_eq!(home.rows().highest, NOW + DAY, "the own clock");
        }
    }
}

#[tokio::test]
async fn an_expired_licence_is_still_followed_by_a_newer_one_only() {
    let (home, late) = (connected().await, NOW + 60 * DAY);
    let older = token(TENANT, NOW - DAY).await;
    let outcome = answered(&home, late, json!({ "status": "ok", "jwt": older, "now": NOW + DAY })).await;
    assert_eq!(outcome.as_str(), "error");
    let newer = token(TENANT, late).await;
    let outcome = answered(&home, late, json!({ "status": "ok", "jwt": newer, "now": late })).await;
    assert_eq!(outcome.as_str(), "refreshed");
}

async fn statement(version: u64) -> String {
    let claims = KeysetClaims { version, issued_at: NOW, expires_at: NOW + 90 * DAY, keys: Vec::new() };
    sign_keyset(&development_root(), &claims).await.unwrap()
}

#[tokio::test]
async fn a_keyset_is_stored_when_it_is_newer_and_a_forged_one_spoils_the_answer() {
    let home = connected().await;
    let body = |keyset: String| json!({ "status": "no_change", "now": NOW, "keyset": keyset });
    let two = statement(2).await;
    assert_eq!(answered(&home, NOW, body(two.clone())).await.as_str(), "unchanged");
    assert_eq!(home.rows().keyset.as_ref(), Some(&two));
    assert_eq!(answered(&home, NOW, body(statement(1).await)).await.as_str(), "unchanged");
    assert_eq!(home.rows().keyset.as_ref(), Some(&two), "an older one is left aside");
    let three = statement(3).await;
    let forged = altered(&three);
    assert_eq!(answered(&home, NOW, body(forged)).await.as_str(), "error");
    assert_eq!(answered(&home, NOW, body(statement(1_003).await)).await.as_str(), "error");
    assert_eq!(home.rows().keyset.as_ref(), Some(&two));
}

#[tokio::test]
async fn a_redemption_that_comes_between_wins() {
    let (server, home) = (ScriptedServer::start().await, connected().await);
    server.always("/check-in", Answer::json(200, &json!({ "status": "no_change", "now": NOW })));
    let held = Held::of(check_in::held(&home).await.unwrap().unwrap()).unwrap();
    home.lock().credential = Some("0b".repeat(32));
    let (api, verifier) = (api(&server), verifier());
    let exchange = Exchange { home: &home, api: &api, verifier: &verifier, clock: &At(NOW) };
    assert_eq!(exchange.run(&held).await.unwrap_err().code(), FailureCode::StateBusy);
    assert_eq!(home.rows().last_check_in, None);
}
