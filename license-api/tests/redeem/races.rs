//! Requests at the same time.

use crate::world::{Code, Reply, World, with_settings, with_world};
use futures::future::join_all;
use license_api::settings::Settings;
use model::license::budget::BudgetRules;
use rand::Rng as _;
use serde_json::json;
use std::collections::BTreeMap;

fn roomy() -> Settings {
    let budgets =
        BudgetRules::parse("source=100000/900,network=100000/900,region=100000/900,alert=100000/900,disclosed=100000");
    Settings { budgets: budgets.unwrap(), ..Settings::default() }
}

fn told(replies: &[Reply]) -> BTreeMap<String, usize> {
    replies.iter().fold(BTreeMap::new(), |mut counts, reply| {
        *counts.entry(reply.told().1).or_default() += 1;
        counts
    })
}

#[tokio::test]
async fn of_fifty_redemptions_at_once_one_wins() {
    with_settings(roomy(), async |world: &World| {
        world.connect().await;
        let (_, _, code) = world.paid().await;
        let requests = (0..50).map(|n| {
            let (key, code) = (format!("key-of-request-{n:03}"), code.text.clone());
            let body = json!({ "claim_code": code, "appliance_id": format!("appliance-{n}") });
            async move { world.register_with(&key, body).await }
        });
        let replies = join_all(requests).await;
        let expected = BTreeMap::from([("ok".to_owned(), 1), ("consumed_claim_code".to_owned(), 49)]);
        assert_eq!(told(&replies), expected);
        let written = "SELECT (SELECT count(*) FROM appliances) || ' ' || (SELECT count(*) FROM code_redemptions) \
                       || ' ' || (SELECT count(*) FROM audit_log)";
        assert_eq!(world.value(written).await, "1 1 1");
        let failures = "SELECT failures FROM redeem_attempts WHERE scope = 'source'";
        assert_eq!(world.value(failures).await, "49");
    })
    .await;
}

#[tokio::test]
async fn of_twenty_requests_with_one_key_all_get_the_same_bytes() {
    with_settings(roomy(), async |world: &World| {
        world.connect().await;
        let (_, _, code) = world.paid().await;
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1" });
        let replies = join_all((0..20).map(|_| world.register_with("key-of-a-redemption", body.clone()))).await;
        assert!(replies.iter().all(|reply| reply.bytes == replies[0].bytes), "{:?}", told(&replies));
        replies[0].ok();
        assert_eq!(replies.iter().filter(|reply| !reply.is_replay()).count(), 1);
    })
    .await;
}

/// The budget is that of one source, of which ten find a place; none of them guesses.
#[tokio::test]
async fn of_fifty_requests_with_one_key_nobody_waits_for_long() {
    with_world(async |world: &World| {
        world.connect().await;
        let (_, _, code) = world.paid().await;
        let body = json!({ "claim_code": code.text, "appliance_id": "appliance-1" });
        let replies = join_all((0..50).map(|_| world.register_with("key-of-a-redemption", body.clone()))).await;
        for reply in &replies {
            match reply.status.as_u16() {
                429 => assert_eq!(reply.headers["retry-after"], "1"),
                _ => drop(reply.ok()),
            }
        }
        assert!(replies.iter().any(|reply| reply.status == 429), "{:?}", told(&replies));
        let rows = "SELECT string_agg(DISTINCT failures || ' ' || refusals, ',') FROM redeem_attempts";
        assert_eq!(world.value(rows).await, "0 0");
        // The next refusal is the first in its row.
        for n in 0..10 {
            world.register(json!({ "claim_code": format!("GUESS{n:03}"), "appliance_id": "a" })).await;
        }
        let refused = world.register(json!({ "claim_code": "GUESS999", "appliance_id": "a" })).await;
        refused.refused(429, "too_many_attempts");
        assert_eq!(refused.headers["retry-after"], "60");
    })
    .await;
}

#[tokio::test]
async fn two_codes_under_one_key_at_once_are_one_redemption() {
    with_settings(roomy(), async |world: &World| {
        for round in 0..20 {
            let ((_, _, one), (_, _, other)) = (world.paid().await, world.paid().await);
            let key = format!("key-of-both-codes-{round}");
            let ask = |code: &Code| world.register_with(&key, json!({ "claim_code": code.text, "appliance_id": "a" }));
            let replies = futures::join!(ask(&one), ask(&other));
            let expected = BTreeMap::from([("ok".to_owned(), 1), ("idempotency_conflict".to_owned(), 1)]);
            assert_eq!(told(&[replies.0, replies.1]), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn codes_of_one_entitlement_at_once_get_one_subject() {
    with_settings(roomy(), async |world: &World| {
        let (tenant, entitlement, first) = world.paid().await;
        let mut codes = vec![first];
        for _ in 0..3 {
            codes.push(world.code(Some(tenant), Some(entitlement)).await);
        }
        let asked = codes
            .iter()
            .enumerate()
            .map(|(n, code)| world.register(json!({ "claim_code": code.text, "appliance_id": format!("a{n}") })));
        let replies = join_all(asked).await;
        let subjects: std::collections::BTreeSet<_> = replies
            .iter()
            .map(|reply| world.claims(reply.ok()["first_jwt"].as_str().unwrap(), tenant)["sub"].to_string())
            .collect();
        assert_eq!(subjects.len(), 1);
    })
    .await;
}

/// L-15, on both routes: either the old code was used before it was replaced, or it was replaced and is refused. The new code is live.
#[tokio::test]
async fn a_reissue_and_a_redemption_happen_one_after_the_other() {
    with_settings(roomy(), async |world: &World| {
        world.connect().await;
        let mut outcomes = BTreeMap::<String, usize>::new();
        for round in 0..125 {
            let rounds = (0..8).map(|lane| race(world, round * 8 + lane));
            for outcome in join_all(rounds).await {
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
        assert_eq!(outcomes.values().sum::<usize>(), 1_000);
        let both = ["ok, consumed", "superseded_claim_code, revoked"];
        assert_eq!(outcomes.keys().map(String::as_str).collect::<Vec<_>>(), both, "{outcomes:?}");
    })
    .await;
}

async fn race(world: &World, number: usize) -> String {
    let (tenant, _, old) = world.paid().await;
    let key = format!("key-of-a-race-{number:04}");
    let spins = rand::rng().random_range(0..40);
    let body = json!({ "claim_code": old.text, "appliance_id": "appliance-1" });
    let redemption = async {
        if number.is_multiple_of(2) {
            for _ in 0..spins {
                tokio::task::yield_now().await;
            }
        }
        world.register_with(&key, body).await
    };
    let reissue = async {
        if !number.is_multiple_of(2) {
            for _ in 0..spins {
                tokio::task::yield_now().await;
            }
        }
        world.ask_as_service("/install-codes/reissue", json!({ "tenant_id": tenant })).await
    };
    let (reply, new) = futures::join!(redemption, reissue);
    let state = world
        .value(&format!(
            "SELECT CASE WHEN consumed_at IS NOT NULL THEN 'consumed' WHEN revoked_at IS NOT NULL THEN 'revoked' \
             ELSE 'live' END FROM claim_codes WHERE id = '{}'",
            old.id
        ))
        .await;
    let new = new.ok()["claim_code_id"].as_str().unwrap().to_owned();
    let live = format!("SELECT consumed_at IS NULL AND revoked_at IS NULL FROM claim_codes WHERE id = '{new}'");
    assert_eq!(world.value(&live).await, "true");
    format!("{}, {state}", reply.told().1)
}

#[tokio::test]
async fn a_redemption_that_loses_its_database_is_told_to_come_back() {
    with_world(async |world: &World| {
        let (_, _, code) = world.paid().await;
        world.state.pool.close().await;
        let reply = world.register(json!({ "claim_code": code.text, "appliance_id": "a" })).await;
        reply.refused(503, "temporarily_unavailable");
        assert!(reply.headers.contains_key("retry-after"));
    })
    .await;
}
