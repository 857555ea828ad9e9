//! One code after another, before the service answered the first.

use crate::home::Home;
use crate::service::one_code;
use crate::world::{CODE, NOW, TENANT, api, given, paid, run, token};
use appliance::code::FailureCode;
use appliance::ids::ApplianceId;
use appliance::redeem::GivenCode;
use appliance::state::{FileState, REPLACED_MAX, RedemptionState};
use outbound::testkit::{Answer, ScriptedServer};
use serde_json::{Value, json};

/// A code that differs from [`CODE`] and from every other of these.
fn other(index: usize) -> String {
    format!("AAAABBB{}", b"23456789ABC"[index] as char)
}

struct Setup {
    server: ScriptedServer,
    home: Home,
    state: FileState,
    folder: tempfile::TempDir,
}

impl Setup {
    /// The service has consumed [`CODE`] under the key that it came with, and the answer was lost.
    async fn lost(home: Home) -> Self {
        let server = ScriptedServer::start().await;
        let answer = paid(&server, TENANT, &token(TENANT, NOW).await);
        let ledger = one_code(&server, answer.clone());
        server.always("/check-in", Answer::json(200, &json!({ "status": "no_change", "exp": 1, "now": NOW })));
        server.then("/register", Answer::Cut);
        let folder = tempfile::tempdir().unwrap();
        let state = FileState::open(&folder.path().join("r")).unwrap();
        let mut setup = Self { server, home, state, folder };
        assert_eq!(setup.give(CODE).await, Err(FailureCode::ServiceUnavailable));
        ledger.lock().unwrap().accept(&setup.key(0), answer);
        setup
    }

    /// Every time a process of its own, with a breaker of its own.
    async fn give(&mut self, code: &str) -> Result<GivenCode, FailureCode> {
        let seed = self.server.requests_to("/register").len() as u64;
        let redeemed = run(&mut self.state, &self.home, &api(&self.server), seed, given(code)).await;
        redeemed.map(|redeemed| redeemed.given).map_err(|error| error.code())
    }

    /// The idempotency key of a request.
    fn key(&self, index: usize) -> String {
        self.server.requests_to("/register")[index].header("idempotency-key").unwrap().to_owned()
    }

    /// Gives codes that the service does not know.
    async fn mistyped(&mut self, count: usize) {
        for index in 0..count {
            self.server.then("/register", Answer::json(400, &json!({ "code": "invalid_claim_code" })));
            assert_eq!(self.give(&other(index)).await, Err(FailureCode::InvalidClaimCode));
        }
    }
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_keeps_its_key_while_others_are_typed() {
    for home in [Home::fresh(), Home::installed(TENANT)] {
        let mut setup = Setup::lost(home).await;
        setup.mistyped(2).await;
        // What is kept of it is no code.
        let stored = std::fs::read_to_string(setup.folder.path().join("r")).unwrap();
        assert!(!stored.contains(CODE) && stored.contains("\"replaced\""), "{stored}");
        assert_eq!(setup.give(" k7qp-m2rx ").await, Ok(GivenCode::Redeemed));
        let (first, last) = (setup.key(0), setup.key(3));
        assert_eq!(first, last, "the same key");
        let requests = setup.server.requests_to("/register");
        assert_eq!(requests[0].body, requests[3].body, "the same request");
        assert!(setup.key(1) != first && setup.key(2) != first && setup.key(1) != setup.key(2));
    }
}

#[tokio::test]
async fn a_mistyped_code_has_one_key_too() {
    let mut setup = Setup::lost(Home::fresh()).await;
    setup.mistyped(2).await;
    setup.mistyped(1).await;
    assert_eq!(setup.key(3), setup.key(1));
    assert_eq!(setup.give(CODE).await, Ok(GivenCode::Redeemed));
}

#[tokio::test]
async fn a_bounded_number_is_kept_and_the_oldest_goes_first() {
    let mut setup = Setup::lost(Home::fresh()).await;
    setup.mistyped(REPLACED_MAX).await;
    let record = setup.state.load().await.unwrap().unwrap();
    assert_eq!(record.replaced.len(), REPLACED_MAX);
    assert_eq!(record.replaced[0].id.as_str(), setup.key(0), "the oldest one is still there");
    setup.mistyped(REPLACED_MAX + 1).await;
    let record = setup.state.load().await.unwrap().unwrap();
    assert_eq!(record.replaced.len(), REPLACED_MAX);
    assert!(record.replaced.iter().all(|kept| kept.id.as_str() != setup.key(0)));
}

#[tokio::test]
async fn a_key_is_not_used_for_another_appliance_or_tenant() {
    let mut setup = Setup::lost(Home::installed(TENANT)).await;
    setup.mistyped(1).await;
    setup.home.lock().appliance_id = Some("restored:id".to_owned());
    assert_eq!(setup.give(CODE).await, Err(FailureCode::ConsumedClaimCode));
    assert!(setup.key(2) != setup.key(0));
    let sent: Value = setup.server.requests_to("/register")[2].json().unwrap();
    assert_eq!(sent["appliance_id"], json!("restored:id"));
    let record = setup.state.load().await.unwrap().unwrap();
    assert_eq!(record.appliance_id, ApplianceId::parse("restored:id").unwrap());
    assert!(record.replaced.is_empty(), "keys of the other appliance bring nothing back");

    let mut setup = Setup::lost(Home::installed(TENANT)).await;
    setup.mistyped(1).await;
    setup.home.lock().tenant = Some(crate::world::OTHER);
    assert_eq!(setup.give(CODE).await, Err(FailureCode::ConsumedClaimCode));
    assert!(setup.key(2) != setup.key(0));
}
