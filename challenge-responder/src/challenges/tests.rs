//! The index of Challenges, fed by hand.

use super::*;
use futures::stream;
use serde_json::json;

/// A Challenge as the API server gives it.
fn challenge(object: &str, kind: &str, host: &str, token: &str, key: &str) -> DynamicObject {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("acme.cert-manager.io", "v1", "Challenge"));
    let mut made = DynamicObject::new(object, &resource).within("msp");
    made.data = json!({"spec": {"type": kind, "dnsName": host, "token": token, "key": key}});
    made
}

fn question(host: &str, token: &str) -> Question {
    (AskedHost::parse(host).unwrap(), Token::parse(token).unwrap())
}

async fn fed(challenges: &Challenges, events: Vec<Event<DynamicObject>>) {
    challenges.feed(stream::iter(events.into_iter().map(Ok))).await;
}

#[track_caller]
fn check(challenges: &Challenges, host: &str, token: &str, key: Option<&str>) {
    let (host, token) = question(host, token);
    assert_eq!(challenges.find(&host, &token).as_deref(), key);
}

#[tokio::test]
async fn a_challenge_is_answered_for_its_host_and_token_only() {
    let challenges = Challenges::default();
    assert!(!challenges.is_synced());
    let first = challenge("c1", "HTTP-01", "a.test", "t1", "t1.print");
    fed(&challenges, vec![Event::Init, Event::InitApply(first), Event::InitDone]).await;
    assert!(challenges.is_synced());
    check(&challenges, "a.test", "t1", Some("t1.print"));
    check(&challenges, "b.test", "t1", None);
    check(&challenges, "a.test", "t2", None);
}

#[tokio::test]
async fn other_types_and_incomplete_objects_are_left_out() {
    let challenges = Challenges::default();
    let objects = [
        challenge("c1", "DNS-01", "a.test", "t1", "k"),
        challenge("c2", "HTTP-01", "a.test", "bad/token", "k"),
        challenge("c3", "HTTP-01", "a.test", "t3", ""),
    ];
    fed(&challenges, objects.into_iter().map(Event::Apply).collect()).await;
    check(&challenges, "a.test", "t1", None);
    check(&challenges, "a.test", "t3", None);
}

#[tokio::test]
async fn changes_deletions_and_a_new_list_replace_what_was_known() {
    let challenges = Challenges::default();
    let one = || challenge("c1", "HTTP-01", "A.test.", "t1", "one");
    fed(&challenges, vec![Event::Apply(one()), Event::Apply(challenge("c2", "HTTP-01", "a.test", "t2", "two"))]).await;
    check(&challenges, "a.test", "t1", Some("one"));
    fed(&challenges, vec![Event::Apply(challenge("c1", "HTTP-01", "a.test", "t9", "nine"))]).await;
    check(&challenges, "a.test", "t1", None);
    check(&challenges, "a.test", "t9", Some("nine"));
    fed(&challenges, vec![Event::Delete(one())]).await;
    check(&challenges, "a.test", "t9", None);
    check(&challenges, "a.test", "t2", Some("two"));
    fed(&challenges, vec![Event::Init, Event::InitApply(one())]).await;
    check(&challenges, "a.test", "t2", Some("two"));
    fed(&challenges, vec![Event::Init, Event::InitApply(one()), Event::InitDone]).await;
    check(&challenges, "a.test", "t2", None);
    check(&challenges, "a.test", "t1", Some("one"));
}

#[tokio::test]
async fn two_objects_with_one_question_survive_the_end_of_one() {
    let challenges = Challenges::default();
    let both = ["c1", "c2"].map(|name| challenge(name, "HTTP-01", "a.test", "t", "k"));
    fed(&challenges, both.into_iter().map(Event::Apply).collect()).await;
    fed(&challenges, vec![Event::Delete(challenge("c1", "HTTP-01", "a.test", "t", "k"))]).await;
    check(&challenges, "a.test", "t", Some("k"));
}

#[tokio::test]
async fn who_waits_gets_a_challenge_that_arrives_and_gives_up_in_time() {
    let challenges = Challenges::default();
    let (host, token) = question("a.test", "t");
    let waiting = challenges.wait_for(&host, &token, Duration::from_secs(60));
    let arrival = async {
        tokio::task::yield_now().await;
        fed(&challenges, vec![Event::Apply(challenge("c0", "HTTP-01", "b.test", "t", "other"))]).await;
        tokio::task::yield_now().await;
        fed(&challenges, vec![Event::Apply(challenge("c1", "HTTP-01", "a.test", "t", "k"))]).await;
    };
    assert_eq!(futures::join!(waiting, arrival).0.as_deref(), Some("k"));
    let (host, token) = question("a.test", "missing");
    assert_eq!(challenges.wait_for(&host, &token, Duration::from_millis(5)).await, None);
}

#[tokio::test]
async fn a_broken_watch_keeps_what_it_knew_and_denies_nothing() {
    let challenges = Challenges::default();
    let first = challenge("c1", "HTTP-01", "a.test", "t1", "one");
    fed(&challenges, vec![Event::Init, Event::InitApply(first), Event::InitDone]).await;
    assert!(challenges.is_complete(Instant::now()));
    challenges.feed(stream::iter([Err(watcher::Error::NoResourceVersion)])).await;
    check(&challenges, "a.test", "t1", Some("one"));
    assert!(challenges.is_synced() && !challenges.is_complete(Instant::now()));
    let later = Instant::now() + TRUST_AFTER + Duration::from_millis(1);
    assert!(challenges.is_complete(later), "a watch that stays quiet is trusted again");
}

#[test]
fn a_broken_watch_is_tried_again_before_a_request_gives_up() {
    for pause in Steady.take(1000) {
        assert!(pause * 2 < crate::answer::WATCH_PATIENCE);
    }
    const { assert!(RETRY.as_millis() < TRUST_AFTER.as_millis()) };
}
