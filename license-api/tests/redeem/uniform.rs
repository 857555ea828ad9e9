//! The work behind a refusal that does not tell its reason (licensing contract, L-06 and section 15, "Timing").

use crate::guesses::bad_codes;
use crate::world::{World, post, with_settings};
use axum::Router;
use license_api::settings::Settings;
use model::license::budget::BudgetRules;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Collects the statements of the driver, in their order.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl Statements {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The text of one statement: `summary` is all of a short one, `db.statement` all of another.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "db.statement" || field.name() == "summary" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn answer(app: &Router, text: &str, key: Option<&str>) -> (u16, String, Vec<u8>) {
    let headers: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
    let body = json!({ "claim_code": text, "appliance_id": "appliance-1" });
    let reply = post(app, "/register", "192.0.2.1", &headers, body.to_string()).await;
    (reply.status.as_u16(), format!("{:?}", reply.headers), reply.bytes)
}

/// Uniform from the first failure on, and no budget ends.
fn uniform() -> Settings {
    let text = "source=1000/900,network=1000/3600,region=1000/3600,disclosed=0";
    Settings { budgets: BudgetRules::parse(text).unwrap(), ..Settings::default() }
}

#[tokio::test]
async fn every_refusal_has_the_same_statements_and_the_same_bytes() {
    with_settings(uniform(), async |world: &World| {
        let app = world.telling_statements();
        let statements = Statements::default();
        let _guard = tracing::subscriber::set_default(statements.clone());
        for key in [None, Some("key-of-a-redemption")] {
            // The first request of a connection also prepares.
            answer(&app, "GUESS000", key).await;
            statements.take();
            let unknown = answer(&app, "GUESS001", key).await;
            let expected = statements.take();
            assert_eq!((unknown.0, expected.len()), (400, 2), "{expected:?}");
            assert!(
                expected[0].contains("redeem_attempts") && expected[1].contains("FROM claim_codes c"),
                "{expected:?}"
            );
            let mut texts = vec![("malformed", "no code".to_owned()), ("empty", String::new())];
            texts.extend(bad_codes(world).await.into_iter().map(|(name, code)| (name, code.text)));
            statements.take();
            for (name, text) in texts {
                assert_eq!(answer(&app, &text, key).await, unknown, "{name}");
                assert_eq!(statements.take(), expected, "{name}");
            }
        }
        // The recorder does tell other work apart.
        let (_, code) = world.essentials().await;
        statements.take();
        assert_eq!(answer(&app, &code.text, None).await.0, 200);
        assert!(statements.take().iter().any(|text| text.contains("UPDATE claim_codes")));
    })
    .await;
}
