//! Many starts for one purchase, one address or one minted id, at the same instant, under random ids, on two workers.

use crate::cell::Cell;
use crate::oracle::{self, Mailed};
use crate::replica::Replica;
use crate::rig::on_the_stack;
use crate::world::{PRICE, World};
use anyhow::{Context as _, ensure};
use futures::future::{join_all, try_join_all};
use harness::Ended;
use outbound::testkit::Answer;
use serde_json::json;
use std::time::Instant;
use uuid::Uuid;

/// Starts at the same instant.
const STARTS: usize = 50;

/// Whose tenant the losers are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Winner,
    Nobody,
}

async fn race(world: &World, kind: &str, told: Told, claim: impl Fn(Cell) -> Cell) -> anyhow::Result<()> {
    let began = Instant::now();
    let cells: Vec<Cell> = (0..STARTS).map(|_| claim(Cell::new(world, &format!("race{kind}")))).collect();
    try_join_all(cells.iter().map(Cell::start)).await?;
    let ended: Vec<Ended> = join_all(cells.iter().map(Cell::ended)).await.into_iter().collect::<Result<_, _>>()?;
    let mut winners = cells.iter().zip(&ended).filter(|(_, ended)| matches!(ended, Ended::Completed(_)));
    let (winner, result) = winners.next().with_context(|| format!("{kind}: nobody won: {:?}", ended.first()))?;
    ensure!(winners.next().is_none(), "{kind}: two tenants");
    let tenant = oracle::whole(world, winner, result, Mailed::Once).await?;
    let details = match told {
        Told::Winner => Some(json!({ "existingTenantId": tenant })),
        Told::Nobody => None,
    };
    for (cell, end) in cells.iter().zip(&ended).filter(|(cell, _)| cell.run.id != winner.run.id) {
        let Ended::Failed { kind: failure, details: said, text } = end else { anyhow::bail!("{kind}: {end:?}") };
        ensure!(failure == "DuplicateError" && *said == details, "{kind}: {failure} {said:?}");
        ensure!(!text.contains(&cell.email), "{kind}: the failure repeats an address");
        oracle::no_failing_task(cell).await?;
    }
    let named = format!("SELECT count(*)::text FROM tenants WHERE client_name LIKE 'Tenant race{kind}%'");
    ensure!(world.rig.ask(&named).await? == "1", "{kind}: more than one tenant");
    println!("cell  race for one {kind:<50} ok     {:>5.1} s", began.elapsed().as_secs_f32());
    Ok(())
}

#[test]
fn many_starts_end_with_one_tenant() {
    on_the_stack(async |world| {
        let _second = Replica::start(world, "race", &[])?;
        let shared = Uuid::new_v4().simple().to_string();
        let subscription = format!("sub_{shared}");
        world.stripe.always(&format!("/v1/subscriptions/{subscription}"), Answer::json(200, &json!({})));
        race(world, "subscription", Told::Winner, |cell| {
            let customer = json!(format!("cus_{}", cell.word));
            cell.with("billingSource", json!("stripe"))
                .with("stripeCustomerId", customer)
                .with("stripeSubscriptionId", json!(subscription))
                .with("stripePriceId", json!(PRICE))
        })
        .await?;
        let first = Cell::bought(world, "racepurchase");
        race(world, "checkout", Told::Winner, |cell| {
            cell.with("billingSource", json!("stripe")).with("checkoutSessionId", json!(first.checkout()))
        })
        .await?;
        let last = oracle::last_words(world, &first.checkout());
        ensure!(last == ("completed".to_owned(), "completed".to_owned()), "the shop's last words: {last:?}");
        race(world, "transaction", Told::Winner, |cell| {
            let iap =
                json!({ "originalTransactionId": shared, "productId": "p", "bundleId": "b", "environment": "Sandbox" });
            cell.with("billingSource", json!("apple_iap")).with("appleIap", iap)
        })
        .await?;
        race(world, "address", Told::Nobody, |mut cell| {
            // The same address in every spelling.
            let address = format!("one{}@customer.test", &shared[..8]);
            let spelt = if cell.word.ends_with(|c: char| c.is_ascii_digit()) {
                address.to_uppercase()
            } else {
                address.clone()
            };
            cell.email = address;
            cell.input["adminUser"]["email"] = json!(spelt);
            cell
        })
        .await
    });
}

#[test]
fn many_starts_with_one_minted_id_are_one_creation() {
    on_the_stack(async |world| {
        let _second = Replica::start(world, "minted", &[])?;
        let minted = Uuid::new_v4().to_string();
        let first = Cell::new(world, "minted").with("tenantId", json!(minted));
        let cells: Vec<Cell> =
            (0..10).map(|n| Cell { run: world.rig.run(&format!("{}-{n}", first.run.id)), ..first.clone() }).collect();
        try_join_all(cells.iter().map(Cell::start)).await?;
        for (cell, ended) in cells.iter().zip(join_all(cells.iter().map(Cell::ended)).await) {
            let tenant = oracle::complete(world, cell, &ended?, Mailed::Once).await?;
            ensure!(tenant == minted, "another tenant");
        }
        Ok(())
    });
}
