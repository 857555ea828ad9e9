//! A licence of a key that this build does not know: the published statement tells, or the redemption waits for one.

use crate::home::Home;
use crate::service::one_code;
use crate::world::{CODE, NOW, TENANT, altered, api, given, next_signer, paid, run, statement, token_by};
use appliance::code::{FailureCode, Remedy};
use appliance::state::FileState;
use outbound::testkit::{Answer, ScriptedServer};
use serde_json::json;

/// A service whose one code yields a licence of the next key, a new appliance, and its state.
struct Setup {
    server: ScriptedServer,
    home: Home,
    token: String,
    state: FileState,
    folder: tempfile::TempDir,
}

async fn setup() -> Setup {
    let (server, token) = (ScriptedServer::start().await, token_by(&next_signer(), TENANT, NOW).await);
    one_code(&server, paid(&server, TENANT, &token));
    server.always("/check-in", Answer::json(200, &json!({ "status": "no_change", "exp": 1, "now": NOW })));
    let folder = tempfile::tempdir().unwrap();
    let state = FileState::open(&folder.path().join("r")).unwrap();
    Setup { server, home: Home::fresh(), token, state, folder }
}

impl Setup {
    /// Redeems, and tells the code of the failure. Key and code stay stored, and nothing is written.
    async fn refused(&mut self) -> FailureCode {
        let before = self.home.rows();
        let error = run(&mut self.state, &self.home, &api(&self.server), 1, given(CODE)).await.unwrap_err();
        assert_eq!(self.home.rows(), before, "{error:?}");
        let stored = std::fs::read_to_string(self.folder.path().join("r")).unwrap();
        assert!(stored.contains("prepared") && stored.contains(CODE), "{error:?}");
        assert!(self.server.requests_to("/check-in").is_empty());
        error.code()
    }

    async fn redeemed(&mut self) {
        run(&mut self.state, &self.home, &api(&self.server), 2, given(CODE)).await.unwrap();
        assert_eq!(self.home.rows().token.as_ref(), Some(&self.token));
    }
}

#[tokio::test]
async fn a_redemption_waits_for_a_statement_that_is_not_published_yet() {
    let mut setup = setup().await;
    for status in [404, 403, 410] {
        setup.server.then("/keys", Answer::json(status, &json!({ "error": "CANARY", "code": "not_found" })));
        let code = setup.refused().await;
        assert_eq!((code, code.remedy()), (FailureCode::InvalidLicenseResponse, Remedy::Final), "{status}");
    }
    let published = statement(1, &next_signer()).await;
    setup.server.always("/keys", Answer::json(200, &json!({ "keyset": published })));
    setup.redeemed().await;
    let requests = setup.server.requests_to("/register");
    let key = |index: usize| requests[index].header("idempotency-key").map(str::to_owned);
    assert!(requests.len() == 4 && (1..4).all(|index| key(index) == key(0)), "one key, and the code is used up once");
}

#[tokio::test]
async fn a_newer_statement_brings_the_key_and_is_kept() {
    let mut setup = setup().await;
    let newer = statement(2, &next_signer()).await;
    setup.home.lock().keyset = Some(statement(1, &license::built_in::development_signer()).await);
    setup.server.always("/keys", Answer::json(200, &json!({ "keyset": newer })));
    setup.redeemed().await;
    assert_eq!(setup.home.rows().keyset, Some(newer));
}

#[tokio::test]
async fn a_forged_an_older_and_a_strange_statement_spoil_the_answer_and_a_service_in_trouble_does_not() {
    let mut setup = setup().await;
    let good = statement(2, &next_signer()).await;
    setup.home.lock().keyset = Some(statement(3, &license::built_in::development_signer()).await);
    for keyset in [altered(&good), good, setup.token.clone(), "CANARY".to_owned()] {
        setup.server.then("/keys", Answer::json(200, &json!({ "keyset": keyset })));
        assert_eq!(setup.refused().await, FailureCode::InvalidLicenseResponse, "{keyset}");
    }
    setup.server.then("/keys", Answer::status(503));
    assert_eq!(setup.refused().await, FailureCode::ServiceUnavailable);
}
