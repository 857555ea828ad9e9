//! Clocks that are wrong while a code is redeemed. A refused answer would cost the code, for the service has consumed it.

use crate::home::Home;
use crate::service::one_code;
use crate::world::{CODE, DAY, NOW, TENANT, api, given, next_signer, paid, run, statement, token, token_by};
use appliance::code::FailureCode;
use appliance::redeem::{FirstCheckIn, Redeemed};
use appliance::state::FileState;
use outbound::testkit::{Answer, ScriptedServer};
use serde_json::json;

/// An installed appliance that has stored this highest time. [`run`] takes [`NOW`] for the system's.
fn seen(highest: i64) -> Home {
    let home = Home::installed(TENANT);
    home.lock().highest = highest;
    home
}

/// Redeems at [`NOW`] a licence of `issued_at`. The first check-in does not work out, so it heals nothing.
async fn redeemed(home: &Home, issued_at: i64) -> Result<Redeemed, FailureCode> {
    let server = ScriptedServer::start().await;
    one_code(&server, paid(&server, TENANT, &token(TENANT, issued_at).await));
    server.always("/check-in", Answer::json(429, &json!({})));
    let folder = tempfile::tempdir().unwrap();
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    run(&mut state, home, &api(&server), 1, given(CODE)).await.map_err(|error| error.code())
}

#[tokio::test]
async fn a_stored_time_that_is_ahead_costs_no_code_and_heals() {
    let home = seen(NOW + 40 * DAY);
    let redeemed = redeemed(&home, NOW).await.unwrap();
    assert_eq!(redeemed.first_check_in, FirstCheckIn::Deferred(FailureCode::TooManyAttempts));
    let rows = home.rows();
    assert_eq!((rows.highest, rows.token), (NOW, Some(token(TENANT, NOW).await)));
}

/// The licence is not in force at the stored time only, and its key is not known yet: the statement is verified at the same time.
#[tokio::test]
async fn a_stored_time_that_is_ahead_does_not_spoil_the_published_statement() {
    let (server, home) = (ScriptedServer::start().await, seen(NOW + 400 * DAY));
    one_code(&server, paid(&server, TENANT, &token_by(&next_signer(), TENANT, NOW).await));
    server.always("/keys", Answer::json(200, &json!({ "keyset": statement(1, &next_signer()).await })));
    server.always("/check-in", Answer::json(200, &json!({ "status": "no_change", "exp": 1, "now": NOW })));
    let folder = tempfile::tempdir().unwrap();
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    run(&mut state, &home, &api(&server), 1, given(CODE)).await.unwrap();
    assert_eq!(home.rows().highest, NOW);
}

#[tokio::test]
async fn a_licence_from_the_future_of_a_slow_clock_waits_under_the_same_key() {
    let (server, home) = (ScriptedServer::start().await, seen(NOW));
    // The system's clock is 40 days behind the service, and nothing stored says so: the licence comes from its future.
    let ledger = one_code(&server, paid(&server, TENANT, &token(TENANT, NOW + 40 * DAY).await));
    server.always("/check-in", Answer::json(429, &json!({})));
    let folder = tempfile::tempdir().unwrap();
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    let error = run(&mut state, &home, &api(&server), 1, given(CODE)).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::InvalidLicenseResponse);
    home.lock().highest = NOW + 40 * DAY;
    run(&mut state, &home, &api(&server), 2, given(CODE)).await.unwrap();
    assert_eq!((ledger.lock().unwrap().successes(), home.rows().highest), (1, NOW + 40 * DAY));
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_lower_the_stored_time() {
    let home = seen(NOW + 40 * DAY);
    redeemed(&home, NOW + 38 * DAY).await.unwrap();
    assert_eq!(home.rows().highest, NOW + 40 * DAY, "the fresh licence is from the future of the system's clock");
    let home = seen(NOW + 40 * DAY);
    let before = home.rows();
    assert_eq!(
        redeemed(&home, NOW + 5 * DAY).await,
        Err(FailureCode::InvalidLicenseResponse),
        "expired at the stored time"
    );
    assert_eq!(home.rows(), before);
    let home = seen(NOW + 40 * DAY);
    assert_eq!(redeemed(&home, NOW - 32 * DAY).await, Err(FailureCode::InvalidLicenseResponse), "expired at both");
    assert_eq!(home.rows().highest, NOW + 40 * DAY);
}
