//! The two calls to the shop, byte by byte.

use crate::{LIMITS, base_of, caller};
use outbound::testkit::{Answer, Page, Recorded, ScriptedServer, verify};
use outbound::{
    CallError, CallbackOutcome, CheckoutProgress, CheckoutStatus, IdempotencyKey, LegacySignature, SecretFault, Shop,
    ShopSettings, TenantCallback,
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const STATUS: &str = "/api/internal/checkout-session-status";
const CALLBACK: &str = "/api/webhooks/temporal";
const NOW_SECONDS: u64 = 1_795_674_063;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(NOW_SECONDS * 1000 + 7)
}

fn settings(server: &ScriptedServer, legacy_signature: LegacySignature) -> ShopSettings {
    let (internal_secret, webhook_secret) = ("internal-canary".into(), "webhook-canary".into());
    ShopSettings { base: base_of(server), internal_secret, webhook_secret, legacy_signature }
}

fn shop(server: &ScriptedServer, legacy: LegacySignature) -> Shop {
    Shop::new(caller(LIMITS), settings(server, legacy)).unwrap()
}

fn completed() -> TenantCallback {
    let outcome = CallbackOutcome::Completed { tenant_id: "9e6c".to_owned() };
    TenantCallback { session_id: "cs_test_Zo\u{eb}".to_owned(), outcome }
}

fn ours(request: &Recorded) -> Vec<&str> {
    let standard = ["accept", "content-length", "content-type", "host", "user-agent"];
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| !standard.contains(name));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn each_status_of_a_checkout_has_the_fields_of_the_contract() {
    let server = ScriptedServer::start().await;
    server.always(STATUS, Answer::status(200));
    let shop = shop(&server, LegacySignature::Sent);
    let failed = CheckoutProgress::Failed { error: "RepairRequired".to_owned() };
    let cases = [
        (CheckoutProgress::Pending, json!({"workflowStatus": "pending"})),
        (CheckoutProgress::Started, json!({"workflowStatus": "started"})),
        (CheckoutProgress::InProgress, json!({"workflowStatus": "in_progress"})),
        (
            CheckoutProgress::Completed { at: now() },
            json!({"workflowStatus": "completed", "workflowCompletedAt": "2026-11-26T06:21:03.007Z"}),
        ),
        (failed, json!({"workflowStatus": "failed", "error": "RepairRequired"})),
    ];
    for (progress, mut expected) in cases {
        expected["checkoutSessionId"] = json!("cs_1");
        expected["workflowId"] = json!("tenant-creation-1");
        let key = IdempotencyKey::new(&format!("tenant-creation-1:{}", progress.as_str()));
        let status = CheckoutStatus {
            checkout_session_id: "cs_1".to_owned(),
            workflow_id: "tenant-creation-1".to_owned(),
            progress,
        };
        shop.checkout_status(&status, &key).await.unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!(request.json::<Value>(), Some(expected));
        assert_eq!((request.method.as_str(), request.header("content-type")), ("POST", Some("application/json")));
        assert_eq!(request.header("x-internal-secret"), Some("internal-canary"));
        assert_eq!(request.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(ours(&request), ["idempotency-key", "x-internal-secret"]);
    }
}

#[tokio::test]
async fn a_callback_is_signed_over_its_exact_bytes() {
    let server = ScriptedServer::start().await;
    server.always(CALLBACK, Answer::status(204));
    let key = IdempotencyKey::new("tenant-creation-1:completed");
    shop(&server, LegacySignature::Sent).tenant_callback(&completed(), &key, now()).await.unwrap();
    shop(&server, LegacySignature::Off).tenant_callback(&completed(), &key, now()).await.unwrap();
    let [both, new] = server.requests_to(CALLBACK).try_into().unwrap();
    assert_eq!(verify::callback(&both, "webhook-canary", NOW_SECONDS), Ok(()));
    assert_eq!(verify::callback_legacy(&both, "webhook-canary"), Ok(()));
    assert_eq!(verify::callback(&new, "webhook-canary", NOW_SECONDS), Ok(()));
    assert_eq!(both.header("idempotency-key"), Some("tenant-creation-1:completed"));
    assert_eq!(ours(&new), ["idempotency-key", "x-temporal-signature-v2", "x-temporal-timestamp"]);
    assert_eq!(ours(&both).len(), 4);

    let mut altered = both.clone();
    altered.body.push(b' ');
    assert!(verify::callback(&altered, "webhook-canary", NOW_SECONDS).is_err());
    assert!(verify::callback_legacy(&altered, "webhook-canary").is_err());
    assert!(verify::callback(&both, "another secret", NOW_SECONDS).is_err());
    assert!(verify::callback(&both, "webhook-canary", NOW_SECONDS + 301).is_err(), "an old one is refused");
}

#[tokio::test]
async fn each_outcome_has_the_fields_of_the_contract() {
    let server = ScriptedServer::start().await;
    server.always(CALLBACK, Answer::status(200));
    let shop = shop(&server, LegacySignature::Off);
    let error = || "RepairRequired".to_owned();
    let cases = [
        (completed().outcome, json!({"status": "completed", "algaTenantId": "9e6c"})),
        (
            CallbackOutcome::Failed { tenant_id: None, error: error() },
            json!({"status": "failed", "error": "RepairRequired"}),
        ),
        (
            CallbackOutcome::Failed { tenant_id: Some("9e6c".to_owned()), error: error() },
            json!({"status": "failed", "error": "RepairRequired", "algaTenantId": "9e6c"}),
        ),
    ];
    for (outcome, mut expected) in cases {
        expected["sessionId"] = json!("cs_1");
        let callback = TenantCallback { session_id: "cs_1".to_owned(), outcome };
        shop.tenant_callback(&callback, &IdempotencyKey::new("w:failed"), now()).await.unwrap();
        assert_eq!(server.requests().pop().unwrap().json::<Value>(), Some(expected));
    }
}

#[tokio::test]
async fn a_repeat_has_the_same_key_and_body_and_a_signature_of_its_own_time() {
    let server = ScriptedServer::start().await;
    server.then(CALLBACK, Answer::Cut);
    server.then(CALLBACK, Answer::Page(Page::status(503).with_header("retry-after", "9")));
    server.then(CALLBACK, Answer::status(200));
    let (shop, key) = (shop(&server, LegacySignature::Off), IdempotencyKey::new("w:completed"));
    let later = |minutes: u64| now() + Duration::from_secs(minutes * 60);
    let first = shop.tenant_callback(&completed(), &key, now()).await;
    assert!(matches!(first, Err(CallError::OutcomeUnknown { .. })), "{first:?}");
    let second = shop.tenant_callback(&completed(), &key, later(10)).await;
    let told = Some(Duration::from_secs(9));
    assert!(matches!(&second, Err(CallError::Transient { retry_after, .. }) if *retry_after == told), "{second:?}");
    shop.tenant_callback(&completed(), &key, later(20)).await.unwrap();
    let requests = server.requests_to(CALLBACK);
    for (index, request) in (0..).zip(&requests) {
        assert_eq!(verify::callback(request, "webhook-canary", NOW_SECONDS + index * 600), Ok(()), "attempt {index}");
        assert_eq!((&request.body, request.header("idempotency-key")), (&requests[0].body, Some("w:completed")));
    }
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn secrets_are_required_and_shown_nowhere() {
    let server = ScriptedServer::start().await;
    let shop = shop(&server, LegacySignature::Sent);
    let error = shop.tenant_callback(&completed(), &IdempotencyKey::new("k"), now()).await.unwrap_err();
    let shown = format!("{shop:?} {error} {error:?}");
    assert!(!shown.contains("canary"), "{shown}");

    let mut without = settings(&server, LegacySignature::Sent);
    without.internal_secret = "".into();
    let fault = Shop::new(caller(LIMITS), without).unwrap_err();
    assert_eq!(fault, SecretFault::Empty("INTERNAL_API_SHARED_SECRET"));
    let mut without = settings(&server, LegacySignature::Sent);
    without.webhook_secret = "".into();
    let fault = Shop::new(caller(LIMITS), without).unwrap_err();
    assert_eq!(fault, SecretFault::Empty("TEMPORAL_WEBHOOK_SECRET"));
}
