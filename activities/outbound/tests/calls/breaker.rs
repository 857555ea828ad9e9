//! The breaker in front of real calls. Its own rules are tested beside it, with a clock of the test's.

use crate::{LIMITS, base, base_of};
use outbound::breaker::Policy;
use outbound::testkit::{Answer, ScriptedServer, install_tls_provider, refusing_address};
use outbound::{Call, CallError, Caller, Cause, Repeat};
use std::num::NonZeroU32;
use std::time::Duration;

fn caller(pause: Duration) -> Caller {
    install_tls_provider();
    Caller::with_breaker(LIMITS, Policy { failures: NonZeroU32::new(3).unwrap(), pause }).unwrap()
}

#[tokio::test]
async fn a_dead_host_is_left_alone_and_others_are_not() {
    let (dead, alive) = (ScriptedServer::start().await, ScriptedServer::start().await);
    dead.always("/a", Answer::status(503));
    alive.always("/a", Answer::status(200));
    let caller = caller(Duration::from_secs(3600));
    let call = |server| Call::get(base_of(server).endpoint(&["a"]));
    for _ in 0..3 {
        assert_eq!(caller.send(call(&dead)).await.unwrap_err().status(), Some(503));
    }
    let error = caller.send(call(&dead)).await.unwrap_err();
    let CallError::NotAsked { retry_after, .. } = &error else { panic!("{error:?}") };
    assert!(*retry_after > Duration::from_secs(3000) && *retry_after <= Duration::from_secs(3600));
    assert_eq!((error.repeat(), error.status()), (Repeat::Free, None));
    assert_eq!(dead.requests().len(), 3, "nothing was sent");
    assert!(caller.send(call(&alive)).await.is_ok(), "a neighbour's trouble is not its own");
}

#[tokio::test]
async fn a_host_that_recovers_is_asked_again() {
    let server = ScriptedServer::start().await;
    let caller = caller(Duration::ZERO);
    for answer in [Answer::Cut, Answer::Nonsense, Answer::status(500), Answer::status(500), Answer::status(404)] {
        server.then("/a", answer);
    }
    server.always("/a", Answer::status(500));
    let call = || Call::get(base_of(&server).endpoint(&["a"]));
    for status in [None, None, Some(500), Some(500), Some(404), Some(500), Some(500)] {
        // The pause is over at once, so each of these is a trial; the refusal closes the breaker.
        assert_eq!(caller.send(call()).await.unwrap_err().status(), status);
    }
    assert_eq!(server.requests().len(), 7);
}

#[tokio::test]
async fn refusals_and_rate_limits_are_signs_of_life() {
    let server = ScriptedServer::start().await;
    let caller = caller(Duration::from_secs(3600));
    for status in [400, 404, 409, 429, 307, 408] {
        server.always("/a", Answer::status(status));
        assert_eq!(caller.send(Call::get(base_of(&server).endpoint(&["a"]))).await.unwrap_err().status(), Some(status));
    }
}

#[tokio::test]
async fn a_host_that_refuses_connections_opens_it_too() {
    let (_held, address) = refusing_address();
    let caller = caller(Duration::from_secs(3600));
    let call = || Call::get(base(&format!("http://{address}")).endpoint(&["a"]));
    for _ in 0..3 {
        let error = caller.send(call()).await.unwrap_err();
        assert!(matches!(error, CallError::Transient { cause: Cause::NoConnection, .. }), "{error:?}");
    }
    assert!(matches!(caller.send(call()).await, Err(CallError::NotAsked { .. })));
}
