//! A licence service that consumes one code once, and replays by key.

use outbound::testkit::{Answer, Page, ScriptedServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What `/register` did so far.
#[derive(Default)]
pub(crate) struct Ledger {
    /// First success by key: at most one, because there is one code.
    successes: BTreeMap<String, Value>,
}

/// The ledger of a server whose one code yields `answer`.
pub(crate) fn one_code(server: &ScriptedServer, answer: Value) -> Arc<Mutex<Ledger>> {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let shared = Arc::clone(&ledger);
    server.always(
        "/register",
        Answer::with(move |request| {
            let key = request.header("idempotency-key").unwrap_or_default().to_owned();
            let mut ledger = shared.lock().unwrap();
            if let Some(first) = ledger.successes.get(&key) {
                return Page::json(200, first).with_header("idempotent-replayed", "true");
            }
            if !ledger.successes.is_empty() {
                return Page::json(409, &json!({ "error": "used", "code": "consumed_claim_code" }));
            }
            ledger.successes.insert(key, answer.clone());
            Page::json(200, &answer)
        }),
    );
    ledger
}

impl Ledger {
    /// A success whose answer was lost on its way.
    pub(crate) fn accept(&mut self, key: &str, answer: Value) {
        self.successes.insert(key.to_owned(), answer);
    }

    pub(crate) fn successes(&self) -> usize {
        self.successes.len()
    }
}
