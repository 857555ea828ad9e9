//! The password reset of the application.

use crate::{LIMITS, base, caller};
use outbound::testkit::{Answer, ScriptedServer, verify};
use outbound::{App, AppSettings, SecretFault};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const RESET: &str = "/in/api/billing/reactivation-password-reset";
const NOW_MILLIS: u64 = 1_795_674_063_007;

#[tokio::test]
async fn a_reset_is_signed_at_each_attempt() {
    let server = ScriptedServer::start().await;
    server.then(RESET, Answer::status(500));
    server.then(RESET, Answer::status(200));
    let settings =
        AppSettings { base: base(&format!("{}/in/", server.base_url())), webhook_secret: "key-canary".into() };
    let app = App::new(caller(LIMITS), settings).unwrap();
    let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    let error = app.password_reset("ada@canary.test", at(NOW_MILLIS)).await.unwrap_err();
    app.password_reset("ada@canary.test", at(NOW_MILLIS + 600_000)).await.unwrap();
    let [first, second] = server.requests_to(RESET).try_into().unwrap();
    assert_eq!(verify::reset(&first, "key-canary", NOW_MILLIS), Ok(()));
    assert_eq!(verify::reset(&second, "key-canary", NOW_MILLIS + 600_000), Ok(()));
    assert!(verify::reset(&first, "key-canary", NOW_MILLIS + 600_000).is_err(), "the first is too old by then");
    assert_eq!(first.json::<Value>(), Some(json!({"email": "ada@canary.test"})));
    assert_eq!(first.header("x-timestamp"), Some("1795674063007"));
    let shown = format!("{app:?} {error} {error:?} {first:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn the_secret_is_required() {
    let settings = AppSettings { base: base("https://app.example"), webhook_secret: "".into() };
    let fault = App::new(caller(LIMITS), settings).unwrap_err();
    assert_eq!(fault, SecretFault::Empty("ALGA_WEBHOOK_SECRET"));
}
