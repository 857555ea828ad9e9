//! What Stripe refuses, and what it does not answer.

use crate::{LIMITS, SESSION, SHORT, session, stripe_within};
use billing::{BillingError, Stripe, StripeHttp, StripeSettings};
use outbound::testkit::{Answer, Page, ScriptedServer, install_tls_provider};
use outbound::{BaseUrl, CallError, Caller, Cause, Cleartext, Limits, Repeat, SecretFault};
use serde_json::{Value, json};
use std::sync::Arc;

async fn fail(answer: Answer) -> CallError {
    fail_within(answer, LIMITS).await
}

async fn fail_within(answer: Answer, limits: Limits) -> CallError {
    let server = ScriptedServer::start().await;
    server.then(SESSION, answer);
    let error = stripe_within(&server, limits).checkout(&session()).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let BillingError::Call(error) = error else { panic!("{error:?}") };
    error
}

fn refusal(code: &str, kind: &str) -> Value {
    json!({"error": {"code": code, "type": kind, "message": "canary", "param": "canary", "doc_url": "canary"}})
}

#[tokio::test]
async fn refusals_carry_stripes_code() {
    for (status, code, kind, expected) in [
        (404, "resource_missing", "invalid_request_error", Some("resource_missing")),
        (400, "parameter_unknown", "invalid_request_error", Some("invalid_request_error")),
        (401, "api_key_expired", "invalid_request_error", Some("api_key_expired")),
        (400, "", "idempotency_error", Some("idempotency_error")),
        (402, "canary", "canary", None),
    ] {
        let error = fail(Answer::json(status, &refusal(code, kind))).await;
        let CallError::Rejected { status: told, code, .. } = &error else { panic!("{error:?}") };
        assert_eq!((*told, *code, error.repeat()), (status, expected, Repeat::Useless));
    }
}

#[tokio::test]
async fn a_busy_stripe_is_asked_again() {
    let passing = [
        Answer::json(409, &refusal("idempotency_key_in_use", "invalid_request_error")),
        Answer::json(429, &refusal("rate_limit", "invalid_request_error")),
        Answer::json(429, &refusal("lock_timeout", "invalid_request_error")),
        Answer::json(500, &refusal("", "api_error")),
        Answer::Page(Page::text(503, "<html>canary</html>")),
    ];
    for (answer, status) in passing.into_iter().zip([409, 429, 429, 500, 503]) {
        let error = fail(answer).await;
        assert!(matches!(error, CallError::Transient { cause: Cause::Status(s), .. } if s == status), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_arrive_whole_may_be_asked_for_again() {
    let page = Page::json(200, &json!({"customer": "canary"}));
    for (answer, limits) in [
        (Answer::Cut, LIMITS),
        (Answer::CutInBody(page.clone()), LIMITS),
        (Answer::Silent, SHORT),
        (Answer::StallInBody(page), SHORT),
    ] {
        let error = fail_within(answer, limits).await;
        assert!(matches!(error, CallError::Transient { cause: Cause::NoAnswer, .. }), "{error:?}");
        assert_eq!(error.repeat(), Repeat::Free);
    }
    assert!(matches!(fail(Answer::Endless).await, CallError::TooLarge { .. }));
}

#[test]
fn the_key_is_required() {
    install_tls_provider();
    let base = BaseUrl::parse(billing::DEFAULT_BASE, Cleartext::LoopbackOnly).unwrap();
    let settings = StripeSettings { base, secret_key: "".into(), per_user_prices: [].into() };
    let made = StripeHttp::new(Arc::new(Caller::new(LIMITS).unwrap()), settings);
    assert_eq!(made.err(), Some(SecretFault::Empty("STRIPE_SECRET_KEY")));
}
