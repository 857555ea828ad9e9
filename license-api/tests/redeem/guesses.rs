//! Limits on guesses, and answers that tell a guesser nothing.

use crate::world::{Code, Reply, World, post, with_settings, with_world};
use futures::future::join_all;
use license_api::settings::Settings;
use model::license::budget::BudgetRules;
use serde_json::json;
use std::collections::BTreeMap;

fn guess(text: &str) -> serde_json::Value {
    json!({ "claim_code": text, "appliance_id": "appliance-1" })
}

fn budgets(text: &str) -> Settings {
    Settings { budgets: BudgetRules::parse(text).unwrap(), ..Settings::default() }
}

fn statuses(replies: &[Reply]) -> BTreeMap<u16, usize> {
    replies.iter().fold(BTreeMap::new(), |mut counts, reply| {
        *counts.entry(reply.status.as_u16()).or_default() += 1;
        counts
    })
}

async fn from(world: &World, source: &str, text: &str) -> Reply {
    world.register_from(source, None, guess(text)).await
}

#[tokio::test]
async fn of_fifty_guesses_at_once_ten_are_looked_at() {
    with_world(async |world: &World| {
        world.connect().await;
        let guesses = (0..50).map(|n| async move { from(world, "192.0.2.1", &format!("GUESS{n:03}")).await });
        let replies = join_all(guesses).await;
        assert_eq!(statuses(&replies), BTreeMap::from([(400, 10), (429, 40)]));
        let waits: Vec<u32> = replies.iter().filter_map(wait).collect();
        assert!(waits.contains(&60) && waits.contains(&900), "{waits:?}");
        assert!(waits.iter().all(|wait| [60, 120, 240, 480, 900].contains(wait)), "{waits:?}");
        replies.iter().find(|reply| reply.status == 429).unwrap().refused(429, "too_many_attempts");
    })
    .await;
}

fn wait(reply: &Reply) -> Option<u32> {
    reply.headers.get("retry-after").map(|value| value.to_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn waits_double_and_also_a_good_code_waits() {
    with_world(async |world: &World| {
        let (_, code) = world.essentials().await;
        for n in 0..10 {
            from(world, "192.0.2.1", &format!("GUESS{n:03}")).await.refused(400, "invalid_claim_code");
        }
        for expected in [60, 120, 240, 480, 900, 900] {
            let reply = from(world, "192.0.2.1", &code.text).await;
            assert_eq!((reply.status.as_u16(), wait(&reply)), (429, Some(expected)));
        }
        // The neighbour in the same network is not the guesser.
        from(world, "192.0.2.2", &code.text).await.ok();
        // A window and a third later everything is forgotten.
        world.execute("UPDATE redeem_attempts SET window_start = window_start - interval '20 minutes'").await;
        from(world, "192.0.2.1", "GUESS999").await.refused(400, "invalid_claim_code");
    })
    .await;
}

#[tokio::test]
async fn a_window_counts_what_was_before_its_bucket() {
    with_world(async |world: &World| {
        world.connect().await;
        for n in 0..6 {
            from(world, "192.0.2.1", &format!("GUESS{n:03}")).await;
        }
        world
            .execute(
                "UPDATE redeem_attempts SET window_start = window_start - interval '5 minutes' WHERE scope = 'source'",
            )
            .await;
        let replies =
            join_all((6..26).map(|n| async move { from(world, "192.0.2.1", &format!("GUESS{n:03}")).await })).await;
        assert_eq!(statuses(&replies), BTreeMap::from([(400, 4), (429, 16)]));
    })
    .await;
}

#[tokio::test]
async fn a_success_is_given_back_and_resets_nothing() {
    with_world(async |world: &World| {
        for n in 0..9 {
            from(world, "192.0.2.1", &format!("GUESS{n:03}")).await;
        }
        for _ in 0..3 {
            let (_, code) = world.essentials().await;
            from(world, "192.0.2.1", &code.text).await.ok();
        }
        from(world, "192.0.2.1", "GUESS009").await.refused(400, "invalid_claim_code");
        from(world, "192.0.2.1", "GUESS010").await.refused(429, "too_many_attempts");
        let counted = "SELECT string_agg(failures::text, ' ' ORDER BY scope) FROM redeem_attempts";
        assert_eq!(world.value(counted).await, "10 10 10 10");
    })
    .await;
}

#[tokio::test]
async fn a_network_and_a_region_have_budgets_of_their_own() {
    with_settings(budgets("network=6/3600,region=9/3600"), async |world: &World| {
        for n in 0..6 {
            from(world, &format!("192.0.2.{n}"), "GUESS000").await.refused(400, "invalid_claim_code");
        }
        from(world, "192.0.2.99", "GUESS000").await.refused(429, "too_many_attempts");
        // What the network refused does not weigh on the source.
        let source = "SELECT failures FROM redeem_attempts WHERE scope = 'source' AND source = '192.0.2.99'";
        assert_eq!(world.value(source).await, "0");
        for n in 0..3 {
            from(world, &format!("192.0.3.{n}"), "GUESS000").await.refused(400, "invalid_claim_code");
        }
        let reply = from(world, "192.0.4.1", "GUESS000").await;
        assert_eq!((reply.status.as_u16(), wait(&reply)), (429, Some(60)));
        from(world, "192.1.0.1", "GUESS000").await.refused(400, "invalid_claim_code");
        let total = "SELECT sum(failures) FROM redeem_attempts WHERE scope = 'total'";
        assert_eq!(world.value(total).await, "10");
    })
    .await;
}

#[tokio::test]
async fn an_attack_reduces_budgets_and_the_cap_serves_known_sources_only() {
    with_settings(budgets("alert=5/3600,cap=12"), async |world: &World| {
        let (_, known) = world.essentials().await;
        from(world, "203.0.113.1", &known.text).await.ok();
        for n in 0..6 {
            from(world, &format!("10.{n}.0.1"), "GUESS000").await.refused(400, "invalid_claim_code");
        }
        assert_eq!(world.state.metrics.under_attack.get(), 0);
        // More than five failures: three a source from now on.
        for status in [400, 400, 400, 429] {
            assert_eq!(from(world, "10.99.0.1", "GUESS000").await.status.as_u16(), status);
        }
        assert_eq!(world.state.metrics.under_attack.get(), 1);
        for n in 0..3 {
            from(world, &format!("10.{}.0.1", 50 + n), "GUESS000").await.refused(400, "invalid_claim_code");
        }
        let (_, code) = world.essentials().await;
        let capped = from(world, "10.98.0.1", &code.text).await;
        capped.refused(503, "temporarily_unavailable");
        assert_eq!(wait(&capped), Some(900));
        from(world, "203.0.113.1", &code.text).await.ok();
    })
    .await;
}

/// One code of every kind that is refused.
pub(crate) async fn bad_codes(world: &World) -> Vec<(&'static str, Code)> {
    let mut codes = Vec::new();
    let changes = [
        ("expired", "expires_at = now(), created_at = now() - interval '1 day'"),
        ("superseded", "revoked_at = now()"),
        ("consumed", "consumed_at = now()"),
    ];
    for (name, change) in changes {
        let (_, _, code) = world.paid().await;
        world.execute(&format!("UPDATE claim_codes SET {change} WHERE id = '{}'", code.id)).await;
        codes.push((name, code));
    }
    let (suspended, _, code) = world.paid().await;
    world.execute(&format!("UPDATE tenant_registry SET status = 'suspended' WHERE tenant_id = '{suspended}'")).await;
    codes.push(("suspended", code));
    let (_, inactive, code) = world.paid().await;
    world.execute(&format!("UPDATE entitlements SET active = false, revoked_at = now() WHERE id = '{inactive}'")).await;
    codes.push(("inactive", code));
    let entitlement = world.entitlement(None).await;
    codes.push(("without a tenant", world.code(None, Some(entitlement)).await));
    codes
}

#[tokio::test]
async fn after_three_failures_every_rejection_has_the_same_bytes() {
    with_world(async |world: &World| {
        let codes = bad_codes(world).await;
        for n in 0..3 {
            from(world, "192.0.2.1", &format!("GUESS{n:03}")).await.refused(400, "invalid_claim_code");
        }
        let unknown = from(world, "192.0.2.1", "GUESS003").await;
        unknown.refused(400, "invalid_claim_code");
        let check = |name: &str, reply: &Reply| {
            assert_eq!(
                (&reply.bytes, &reply.headers, reply.status),
                (&unknown.bytes, &unknown.headers, 400.try_into().unwrap()),
                "{name}"
            );
        };
        check("malformed", &from(world, "192.0.2.1", "no code").await);
        // Five are left of the ten, and the other sources need three failures of their own.
        for (name, code) in codes {
            let source = format!("192.0.{}.1", 10 + name.len());
            for n in 0..3 {
                from(world, &source, &format!("GUESS{n:03}")).await;
            }
            check(name, &from(world, &source, &code.text).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_source_that_failed_often_still_redeems() {
    with_world(async |world: &World| {
        let (_, _, code) = world.paid().await;
        for n in 0..9 {
            from(world, "192.0.2.1", &format!("GUESS{n:03}")).await;
        }
        from(world, "192.0.2.1", &code.text).await.ok();
    })
    .await;
}

#[tokio::test]
async fn only_a_trusted_proxy_names_the_source() {
    let trusting = Settings { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Settings::default() };
    with_settings(trusting, async |world: &World| {
        let send = async |peer: &str, forwarded: String| {
            let headers = [("x-forwarded-for", &*forwarded)];
            post(&world.app, "/register", peer, &headers, guess("GUESS000").to_string()).await.status.as_u16()
        };
        for n in 0..10 {
            assert_eq!(send("192.0.2.1", format!("198.51.100.{n}")).await, 400);
        }
        assert_eq!(send("192.0.2.1", "198.51.100.99".to_owned()).await, 429);
        for n in 0..12 {
            assert_eq!(send("10.0.0.1", format!("203.0.113.1, 198.51.{n}.1")).await, 400);
        }
    })
    .await;
}
