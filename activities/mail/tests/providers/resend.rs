//! Resend.

use crate::mails::{self, noon, says_nothing};
use crate::resend_server::{API_KEY, Next, ResendServer};
use crate::suite::{self, Fault, Taken, World};
use mail::{MailError, Repeat, Resend, SendMail, code};
use outbound::{BaseUrl, Caller, Cleartext, Limits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

struct ResendWorld {
    server: ResendServer,
    provider: Resend,
}

impl ResendWorld {
    async fn start() -> Self {
        Self::with_key(API_KEY).await
    }

    async fn with_key(key: &str) -> Self {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = ResendServer::start().await;
        let limits = Limits { connect: Duration::from_millis(500), total: Duration::from_secs(1), ..Limits::default() };
        let base = BaseUrl::parse(&format!("http://{}", server.address), Cleartext::LoopbackOnly).unwrap();
        let known = Arc::clone(&server.known);
        let provider = Resend::new(Arc::new(Caller::new(limits).unwrap()), base, &key.into()).unwrap();
        Self { server, provider: provider.with_clock(Arc::new(move || known.now())) }
    }
}

#[async_trait::async_trait]
impl World for ResendWorld {
    fn provider(&self) -> &dyn SendMail {
        &self.provider
    }

    async fn next(&self, fault: Fault) {
        self.server.known.next(match fault {
            Fault::Refuse => Next::Answer(422, "invalid_parameter"),
            Fault::Later => Next::Answer(429, "rate_limit_exceeded"),
            Fault::Slow => Next::Silence,
            Fault::LoseAnswer => Next::TakeAndSilence,
        });
    }

    async fn all(&self) -> Vec<Taken> {
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap().to_owned();
        let taken = |mail: &Value| Taken {
            to: mail["to"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            subject: text(mail, "subject"),
            text: text(mail, "text"),
            html: text(mail, "html"),
        };
        self.server.known.taken().iter().map(taken).collect()
    }
}

#[tokio::test]
async fn resend_passes_the_suite() {
    suite::run(&ResendWorld::start().await).await;
}

#[tokio::test]
async fn the_request_is_what_the_contract_says() {
    let world = ResendWorld::start().await;
    let (mail, key) = mails::to("ann");
    let accepted = world.provider.send(&mail, &key).await.unwrap();
    assert_eq!(accepted.id.as_deref(), Some("mail-1"));
    let expected = json!({
        "from": "System <noreply@msp.test>",
        "to": [mail.to.address.as_str()],
        "subject": "Welcome",
        "html": "<p>canary-password</p>\n.\n",
        "text": "canary-password\n.\n..\nend\n",
        "tags": [{ "name": "workflow", "value": "tenant_creation" }],
    });
    assert_eq!(world.server.known.taken(), [expected]);
}

#[tokio::test]
async fn each_status_and_name_has_its_kind() {
    let world = ResendWorld::start().await;
    let later = |code| MailError::Transient { retry_after: None, code };
    let refused = |status, code| MailError::Refused { status: Some(status), code };
    let wait = MailError::Transient { retry_after: Some(Duration::from_secs(7)), code: code::RATE_LIMITED };
    let cases = [
        (400, "invalid_idempotency_key", refused(400, "invalid_idempotency_key")),
        (400, "validation_error", refused(400, "validation_error")),
        (401, "restricted_api_key", refused(401, "restricted_api_key")),
        (401, "validation_error", refused(401, "validation_error")),
        (403, "invalid_api_key", refused(403, "invalid_api_key")),
        (403, "validation_error", refused(403, "validation_error")),
        (404, "not_found", refused(404, "not_found")),
        (405, "method_not_allowed", refused(405, "method_not_allowed")),
        (409, "invalid_idempotent_request", MailError::OutcomeUnknown { code: code::KEY_REUSED }),
        (409, "concurrent_idempotent_requests", later(code::IN_FLIGHT)),
        (409, "canary-name", refused(409, code::UNKNOWN_NAME)),
        (422, "missing_required_field", refused(422, "missing_required_field")),
        (422, "invalid_parameter", refused(422, "invalid_parameter")),
        (429, "rate_limit_exceeded", wait.clone()),
        (429, "daily_quota_exceeded", wait.clone()),
        (429, "monthly_quota_exceeded", wait),
        (500, "application_error", later(code::SERVER_ERROR)),
        (500, "internal_server_error", later(code::SERVER_ERROR)),
        (503, "canary-name", later(code::SERVER_ERROR)),
        (302, "canary-name", refused(302, code::UNKNOWN_NAME)),
        (418, "canary-name", refused(418, code::UNKNOWN_NAME)),
    ];
    for (status, name, expected) in cases {
        let (mail, key) = mails::to("status");
        world.server.known.next(Next::Answer(status, name));
        let error = world.provider.send(&mail, &key).await.unwrap_err();
        says_nothing(&error);
        assert_eq!(error, expected, "{status} {name}");
    }
    assert_eq!(world.server.known.taken().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_once_the_key_is_about_to_be_forgotten() {
    let world = ResendWorld::start().await;
    let (mail, key) = mails::to("day");
    let Repeat::Harmless(memory) = world.provider.repeat() else { panic!("resend remembers keys") };
    assert!(memory < Duration::from_secs(24 * 60 * 60));
    world.provider.send(&mail, &key).await.unwrap();
    world.server.known.set(noon() + memory - Duration::from_secs(1));
    world.provider.send(&mail, &key).await.unwrap();
    for later in [memory, Duration::from_secs(24 * 60 * 60), Duration::from_secs(25 * 60 * 60)] {
        world.server.known.set(noon() + later);
        let error = world.provider.send(&mail, &key).await.unwrap_err();
        assert_eq!(error, MailError::OutcomeUnknown { code: code::KEY_EXPIRED });
    }
    assert_eq!(world.server.known.taken().len(), 1);
}

#[tokio::test]
async fn a_status_of_success_is_success_whatever_the_body() {
    let world = ResendWorld::start().await;
    let (mail, key) = mails::to("garbled");
    world.server.known.next(Next::TakeAndGarble);
    assert_eq!(world.provider.send(&mail, &key).await.unwrap().id, None);
}

#[tokio::test]
async fn a_wrong_key_of_the_account_is_final_and_not_shown() {
    let world = ResendWorld::with_key("re_canary_wrong").await;
    let (mail, key) = mails::to("key");
    let error = world.provider.send(&mail, &key).await.unwrap_err();
    assert_eq!(error, MailError::Refused { status: Some(401), code: "missing_api_key" });
    assert!(!format!("{:?}", world.provider).contains("canary"));
}
