//! Crashes between all steps, and lost answers.

use crate::home::Home;
use crate::service::one_code;
use crate::world::{CODE, NOW, SHORT, TENANT, api, api_with, given, paid, run, token};
use appliance::code::{FailureCode, Remedy};
use appliance::redeem::{FirstCheckIn, Given, GivenCode, RedeemError};
use appliance::state::{FileState, Record, RedemptionState, StateError};
use async_trait::async_trait;
use outbound::testkit::{Answer, Page, ScriptedServer};
use serde_json::{Value, json};

/// When a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// After the effect of a step, before it is persisted.
    BeforeSave,
    /// After it is persisted, before the next.
    AfterSave,
}

/// State of a process that dies at its `left`-th save.
struct Mortal {
    state: FileState,
    left: usize,
    death: Death,
}

#[async_trait]
impl RedemptionState for Mortal {
    async fn load(&mut self) -> Result<Option<Record>, StateError> {
        self.state.load().await
    }

    async fn save(&mut self, record: &Record) -> Result<(), StateError> {
        self.left -= 1;
        match (self.left, self.death) {
            (0, Death::BeforeSave) => {}
            (0, Death::AfterSave) => self.state.save(record).await?,
            (_, Death::BeforeSave | Death::AfterSave) => return self.state.save(record).await,
        }
        Err(StateError::Disk { what: "write", source: std::io::Error::other("killed") })
    }
}

async fn server(answer: impl FnOnce(&ScriptedServer) -> Value) -> (ScriptedServer, impl Fn() -> usize) {
    let server = ScriptedServer::start().await;
    let ledger = one_code(&server, answer(&server));
    server.always("/check-in", Answer::json(200, &json!({ "status": "no_change", "exp": 1, "now": NOW })));
    (server, move || ledger.lock().unwrap().successes())
}

/// Kills at save `k`, goes on with a new process, and tells whether the kill came at all.
async fn killed_at(k: usize, death: Death, edition: &str) -> bool {
    let first = token(TENANT, NOW).await;
    let (server, successes) = server(|server| match edition {
        "pro" => paid(server, TENANT, &first),
        _ => json!({ "tenant_id": TENANT, "edition": "essentials" }),
    })
    .await;
    let (folder, home) = (tempfile::tempdir().unwrap(), Home::fresh());
    let path = folder.path().join("redemption");
    let api = api(&server);
    let mut mortal = Mortal { state: FileState::open(&path).unwrap(), left: k, death };
    let died = run(&mut mortal, &home, &api, 1, given(CODE)).await;
    drop(mortal);
    let mut state = FileState::open(&path).unwrap();
    let done = run(&mut state, &home, &api, 2, given(" k7qp-m2rx ")).await.unwrap();
    let context = format!("killed at save {k}, {death:?}, {edition}");

    assert_eq!(successes(), 1, "{context}");
    let keys: Vec<_> =
        server.requests_to("/register").iter().map(|r| r.header("idempotency-key").map(str::to_owned)).collect();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{context}: one key");
    assert_eq!(done.given, GivenCode::Redeemed, "{context}");
    let rows = home.rows();
    assert_eq!(rows.appliance_id.as_deref(), Some(done.appliance_id.as_str()), "{context}");
    assert_eq!(rows.secrets["INITIAL_TENANT_ID"], TENANT.to_string(), "{context}");
    assert_eq!(rows.secrets["APPLIANCE_ID"], done.appliance_id.as_str(), "{context}");
    if edition == "pro" {
        assert_eq!(rows.token.as_deref(), Some(first.as_str()), "{context}: the same bytes");
        assert_eq!(rows.secrets["LICENSE_TOKEN"], first, "{context}");
        assert_eq!(done.first_check_in, FirstCheckIn::Answered, "{context}");
    } else {
        assert!(server.requests_to("/check-in").is_empty() && rows.credential.is_none(), "{context}");
    }
    // Nothing secret is left, and a repeat asks nobody.
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains(CODE) && !kept.contains(&first) && kept.contains("done"), "{context}");
    let asked = server.requests().len();
    assert_eq!(run(&mut state, &home, &api, 3, given(CODE)).await.unwrap().summary, done.summary, "{context}");
    assert_eq!(server.requests().len(), asked, "{context}");
    died.is_err()
}

#[tokio::test]
async fn a_kill_before_or_after_any_step_costs_nothing() {
    for edition in ["pro", "essentials"] {
        for death in [Death::BeforeSave, Death::AfterSave] {
            let mut kills = 0;
            while killed_at(kills + 1, death, edition).await {
                kills += 1;
            }
            assert_eq!(kills, 6, "named, prepared, answered, database, dropped, done");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_comes_again_under_the_same_key() {
    let first = token(TENANT, NOW).await;
    let (server, successes) = server(|server| paid(server, TENANT, &first)).await;
    let body = paid(&server, TENANT, &first);
    let lost = [Answer::Cut, Answer::CutInBody(Page::json(200, &body)), Answer::Silent, Answer::status(503)];
    let count = lost.len();
    lost.into_iter().for_each(|answer| server.then("/register", answer));
    server.then("/register", Answer::Page(Page::json(429, &json!({})).with_header("retry-after", "77")));
    let (folder, home, api) = (tempfile::tempdir().unwrap(), Home::fresh(), api_with(&server, SHORT));
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    for attempt in 0..count {
        let error = run(&mut state, &home, &api, attempt as u64, given(CODE)).await.unwrap_err();
        assert_eq!(error.code(), FailureCode::ServiceUnavailable, "{error:?}");
        assert_eq!(error.code().remedy(), Remedy::Retry);
    }
    // The breaker of the host would hold back what comes so soon; another process has a breaker of its own.
    let api = api_with(&server, SHORT);
    let error = run(&mut state, &home, &api, 8, Given::Nothing).await.unwrap_err();
    assert_eq!(error.code(), FailureCode::TooManyAttempts);
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(77));
    run(&mut state, &home, &api, 9, Given::Nothing).await.unwrap();
    let requests = server.requests_to("/register");
    assert_eq!((requests.len(), successes()), (count + 2, 1));
    for request in &requests {
        assert_eq!(request.header("idempotency-key"), requests[0].header("idempotency-key"));
        assert_eq!(request.body, requests[0].body);
    }
    let sent: Value = requests[0].json().unwrap();
    assert_eq!(sent, json!({ "claim_code": CODE, "appliance_id": home.rows().appliance_id }));
}

#[tokio::test]
async fn a_stored_answer_is_finished_before_another_code_is_sent() {
    let first = token(TENANT, NOW).await;
    let (server, successes) = server(|server| paid(server, TENANT, &first)).await;
    let (folder, home, api) = (tempfile::tempdir().unwrap(), Home::fresh(), api(&server));
    let path = folder.path().join("r");
    let mut mortal = Mortal { state: FileState::open(&path).unwrap(), left: 3, death: Death::AfterSave };
    let error = run(&mut mortal, &home, &api, 1, given(CODE)).await.unwrap_err();
    assert!(matches!(error, RedeemError::State(_)));
    drop(mortal);
    let mut state = FileState::open(&path).unwrap();
    let done = run(&mut state, &home, &api, 2, given("AAAABBBB")).await.unwrap();
    assert_eq!((done.given, successes()), (GivenCode::Unused, 1));
    assert_eq!(server.requests_to("/register").len(), 1);
}

#[tokio::test]
async fn a_refused_code_makes_room_for_another_and_keeps_the_appliance() {
    let first = token(TENANT, NOW).await;
    let (server, _) = server(|server| paid(server, TENANT, &first)).await;
    for (status, code) in [(410, "expired_claim_code"), (400, "invalid_claim_code")] {
        server.then("/register", Answer::json(status, &json!({ "error": "CANARY", "code": code })));
    }
    let (folder, home, api) = (tempfile::tempdir().unwrap(), Home::fresh(), api(&server));
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    for code in [FailureCode::ExpiredClaimCode, FailureCode::InvalidClaimCode] {
        let error = run(&mut state, &home, &api, 1, given("AAAABBBB")).await.unwrap_err();
        assert_eq!((error.code(), error.code().remedy()), (code, Remedy::Correct));
        assert!(!format!("{error:?} {error}").contains("CANARY"));
    }
    run(&mut state, &home, &api, 2, given(CODE)).await.unwrap();
    let requests = server.requests_to("/register");
    let key = |index: usize| requests[index].header("idempotency-key").map(str::to_owned);
    assert!(key(0) == key(1) && key(1) != key(2));
    let id = |index: usize| requests[index].json::<Value>().unwrap()["appliance_id"].clone();
    assert_eq!(id(0), id(2));
}

#[tokio::test]
async fn without_a_code_there_is_nothing_to_do() {
    let server = ScriptedServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    let error = run(&mut state, &Home::fresh(), &api(&server), 1, Given::Nothing).await.unwrap_err();
    assert!(matches!(error, RedeemError::NoCode) && server.requests().is_empty());
    assert_eq!((error.code().as_str(), error.code().remedy()), ("no_claim_code", Remedy::Correct));
    assert!(!folder.path().join("r").exists(), "nothing is stored");
}

#[tokio::test]
async fn a_machine_that_was_set_up_anew_does_not_claim_to_be_done() {
    let first = token(TENANT, NOW).await;
    let (server, successes) = server(|server| paid(server, TENANT, &first)).await;
    let (folder, api) = (tempfile::tempdir().unwrap(), api(&server));
    let mut state = FileState::open(&folder.path().join("r")).unwrap();
    run(&mut state, &Home::fresh(), &api, 1, given(CODE)).await.unwrap();
    let error = run(&mut state, &Home::fresh(), &api, 2, given(CODE)).await.unwrap_err();
    assert_eq!((error.code(), successes()), (FailureCode::ConsumedClaimCode, 1));
}
