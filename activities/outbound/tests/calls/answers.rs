//! What each kind of answer, and of no answer, becomes.

use crate::{LIMITS, SHORT, base, base_of, caller};
use outbound::testkit::{Answer, Gate, Page, ScriptedServer, refusing_address};
use outbound::{Body, Call, CallError, Cause, Codes, Meaning, Repeat, Reply, Want};
use serde_json::{Value, json};
use std::time::Duration;

const CODES: Codes = Codes { at: &["/name"], known: &[("busy", Meaning::Passes), ("taken", Meaning::Final)] };

/// Asks once, as a reader and as a writer, of a fresh server with this answer.
async fn ask(answer: Answer) -> (Result<Reply, CallError>, Result<Reply, CallError>) {
    let server = ScriptedServer::start().await;
    let limits = match &answer {
        Answer::Silent | Answer::StallInBody(_) | Answer::Held(..) => SHORT,
        Answer::Page(_)
        | Answer::With(_)
        | Answer::UntilClose(_)
        | Answer::Twice(_)
        | Answer::Nonsense
        | Answer::Cut
        | Answer::CutInBody(_)
        | Answer::Endless => LIMITS,
    };
    server.always("/a", answer);
    let caller = caller(limits);
    let endpoint = base_of(&server).endpoint(&["a"]);
    let read = caller.send(Call::get(endpoint.clone()).codes(CODES)).await;
    let body = Body::json(&json!({"canary": "canary"}));
    let written = caller.send(Call::post(endpoint, body, Want::Body).codes(CODES)).await;
    assert_eq!(server.requests().len(), 2, "one call is one request");
    for result in [&read, &written] {
        let shown = format!("{result:?} {}", result.as_ref().err().map(ToString::to_string).unwrap_or_default());
        assert!(!shown.contains("canary"), "{shown}");
    }
    (read, written)
}

fn cause(result: &Result<Reply, CallError>) -> Option<Cause> {
    match result {
        Err(CallError::Transient { cause, .. }) => Some(*cause),
        Ok(_) | Err(_) => None,
    }
}

#[tokio::test]
async fn a_good_answer_is_read_whole() {
    let (read, written) = ask(Answer::json(201, &json!({"a": "canary"}))).await;
    for reply in [read.unwrap(), written.unwrap()] {
        assert_eq!((reply.status(), reply.json::<Value>().unwrap()), (201, json!({"a": "canary"})));
    }
}

#[tokio::test]
async fn of_two_answers_the_first_counts() {
    let (read, written) = ask(Answer::Twice(Page::json(200, &json!(1)))).await;
    assert_eq!(read.unwrap().json::<u8>().unwrap() + written.unwrap().json::<u8>().unwrap(), 2);
}

#[tokio::test]
async fn a_refusal_holds_a_listed_code_and_nothing_of_the_body() {
    let (read, _) = ask(Answer::json(409, &json!({"name": "taken", "message": "canary"}))).await;
    let error = read.unwrap_err();
    assert!(matches!(&error, CallError::Rejected { status: 409, code: Some("taken"), .. }), "{error:?}");
    assert_eq!(error.repeat(), Repeat::Useless);
    let (read, _) = ask(Answer::json(422, &json!({"name": "canary"}))).await;
    assert!(matches!(read, Err(CallError::Rejected { status: 422, code: None, .. })), "{read:?}");
    let (read, _) = ask(Answer::Page(Page::text(404, &"canary".repeat(100_000)))).await;
    assert!(matches!(read, Err(CallError::Rejected { status: 404, code: None, .. })), "{read:?}");
}

#[tokio::test]
async fn a_code_that_passes_is_repeated() {
    let (_, written) = ask(Answer::json(409, &json!({"name": "busy"}))).await;
    assert_eq!(cause(&written), Some(Cause::Status(409)));
    assert_eq!(written.unwrap_err().repeat(), Repeat::SameKey);
}

#[tokio::test]
async fn a_host_that_says_when_is_obeyed() {
    let (read, _) = ask(Answer::Page(Page::status(429).with_header("Retry-After", "17"))).await;
    let told = Some(Duration::from_secs(17));
    assert!(matches!(&read, Err(CallError::Transient { retry_after, .. }) if *retry_after == told), "{read:?}");
    let (_, written) = ask(Answer::Page(Page::status(503).with_header("Retry-After", "a while"))).await;
    assert!(matches!(&written, Err(CallError::Transient { retry_after: None, .. })), "{written:?}");
    let past = Page::status(503).with_header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT");
    let (_, written) = ask(Answer::Page(past)).await;
    let told = Some(Duration::ZERO);
    assert!(matches!(&written, Err(CallError::Transient { retry_after, .. }) if *retry_after == told), "{written:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = ScriptedServer::start().await;
    let target = format!("{}/b", elsewhere.base_url());
    for status in [301, 302, 303, 307, 308] {
        let (read, written) = ask(Answer::Page(Page::status(status).with_header("location", &target))).await;
        for result in [read, written] {
            assert!(matches!(&result, Err(CallError::Rejected { status: s, .. }) if *s == status), "{result:?}");
        }
    }
    assert_eq!(elsewhere.requests(), []);
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_a_writer_in_doubt_and_a_reader_free() {
    let page = Page::text(200, "{\"canary\": 1}");
    let (late, gate) = (page.clone(), Gate::closed());
    for answer in [
        Answer::Cut,
        Answer::CutInBody(page.clone()),
        Answer::StallInBody(page),
        Answer::Silent,
        Answer::Nonsense,
        Answer::Held(gate, late),
    ] {
        let (read, written) = ask(answer).await;
        assert_eq!(cause(&read), Some(Cause::NoAnswer), "{read:?}");
        assert_eq!(read.unwrap_err().repeat(), Repeat::Free);
        assert!(matches!(written, Err(CallError::OutcomeUnknown { .. })), "{written:?}");
        assert_eq!(written.unwrap_err().repeat(), Repeat::SameKey);
    }
}

#[tokio::test]
async fn an_answer_that_is_late_but_in_time_is_taken() {
    let server = ScriptedServer::start().await;
    let gate = Gate::closed();
    server.then("/a", Answer::Held(gate.clone(), Page::status(200)));
    let caller = caller(LIMITS);
    let call = Call::get(base_of(&server).endpoint(&["a"]));
    let opened = async {
        server.seen("/a", 1).await;
        gate.open();
    };
    let (answered, ()) = tokio::join!(caller.send(call), opened);
    assert_eq!(answered.unwrap().status(), 200);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let long = Answer::Page(Page::text(200, &"canary".repeat(100_000)));
    let unannounced = Answer::UntilClose(Page::text(200, &"a".repeat(100_001)));
    for answer in [long, unannounced, Answer::Endless] {
        let (read, written) = ask(answer).await;
        for result in [read, written] {
            assert!(matches!(&result, Err(CallError::TooLarge { limit_bytes: 100_000, .. })), "{result:?}");
        }
    }
    let page = Page::text(200, &"a".repeat(100_000));
    for answer in [Answer::Page(page.clone()), Answer::UntilClose(page)] {
        assert!(ask(answer).await.0.is_ok(), "the limit itself is not too long");
    }
}

#[tokio::test]
async fn whoever_wants_the_status_alone_is_not_hurt_by_the_body() {
    let server = ScriptedServer::start().await;
    let caller = caller(LIMITS);
    let page = Page::text(200, "{\"canary\": 1}");
    for answer in [Answer::Endless, Answer::CutInBody(page.clone()), Answer::StallInBody(page)] {
        server.then("/a", answer);
        let call = Call::post(base_of(&server).endpoint(&["a"]), Body::json(&json!({})), Want::Status);
        assert_eq!(caller.send(call).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_was_not_asked() {
    let (_held, address) = refusing_address();
    let endpoint = base(&format!("http://{address}")).endpoint(&["a"]);
    let written = caller(LIMITS).send(Call::post(endpoint, Body::json(&json!({})), Want::Status)).await;
    assert_eq!(cause(&written), Some(Cause::NoConnection), "{written:?}");
    assert_eq!(written.unwrap_err().repeat(), Repeat::Free);
}
