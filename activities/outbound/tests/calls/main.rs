//! Calls over real sockets on loopback, against a server that follows a script.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod answers;
mod app;
mod breaker;
mod shop;
mod tls;

use outbound::testkit::{ScriptedServer, install_tls_provider};
use outbound::{BaseUrl, Caller, Cleartext, Limits};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for any busy machine.
const LIMITS: Limits = Limits { connect: Duration::from_secs(30), total: Duration::from_secs(60), body_max: 100_000 };
/// For what never answers.
const SHORT: Limits = Limits { total: Duration::from_millis(1500), ..LIMITS };

fn caller(limits: Limits) -> Arc<Caller> {
    install_tls_provider();
    Arc::new(Caller::new(limits).unwrap())
}

fn base(url: &str) -> BaseUrl {
    BaseUrl::parse(url, Cleartext::LoopbackOnly).unwrap()
}

fn base_of(server: &ScriptedServer) -> BaseUrl {
    base(&server.base_url())
}
