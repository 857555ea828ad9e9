//! The answer of each activity is lost, or comes late, after its work was committed.

use crate::cell::Cell;
use crate::engine::{Engine, Fate, Fates};
use crate::matrix::{Case, report};
use crate::oracle::{self, Mailed};
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::ensure;
use outbound::testkit::install_tls_provider;
use std::time::Instant;

/// Every activity of a creation.
const ACTIVITIES: [&str; 13] = [
    "fetchStripeDetailsFromCheckout",
    "createTenant",
    "run_onboarding_seeds",
    "createAdminUser",
    "setupTenantData",
    "getManagementTenantId",
    "createCustomerClientActivity",
    "createCustomerContactActivity",
    "tagCustomerClientActivity",
    "sendWelcomeEmail",
    "updateCheckoutSessionStatus",
    "sendShopCallback",
    "recordCreation",
];

/// One creation per activity, and some in which every activity has this fate.
async fn answers(world: &World, fault: &str, fate: Fate, all_of_one: usize) -> anyhow::Result<()> {
    install_tls_provider();
    let queue = format!("tenant-answers-{fault}");
    let fates = Fates::default();
    let engine = Engine::start(world, &queue, fates.clone())?;
    let on_queue = |label: &str| Cell { queue: queue.clone(), ..Cell::bought(world, label) };
    let mut asked: Vec<(&str, Cell, Vec<&str>)> = ACTIVITIES
        .into_iter()
        .map(|activity| (activity, on_queue(&format!("{fault}{activity}")), vec![activity]))
        .collect();
    for n in 0..all_of_one {
        let cell = on_queue(&format!("{fault}all"));
        let cell = if n % 2 == 0 { cell } else { cell.algadesk() };
        asked.push(("each one", cell, ACTIVITIES.to_vec()));
    }
    let began = Instant::now();
    for (_, cell, activities) in &asked {
        activities.iter().for_each(|activity| fates.ask(&cell.run.id, activity, fate));
        cell.start().await?;
    }
    let cases: Vec<Case<'_>> = asked.iter().map(|(what, cell, _)| Case { what, cell, began }).collect();
    let judged = report(fault, &cases, async |case: &Case<'_>| {
        let ended = case.cell.ended().await?;
        oracle::complete(world, case.cell, &ended, Mailed::Once).await?;
        for activity in ACTIVITIES.into_iter().filter(|activity| case.what == *activity || case.what == "each one") {
            ensure!(fates.was_met(&case.cell.run.id, activity), "the first answer of {activity} arrived");
        }
        Ok(())
    })
    .await;
    engine.end()?;
    judged
}

#[test]
fn a_lost_answer_of_each_activity_repeats_nothing() {
    on_the_stack(async |world| answers(world, "lost", Fate::Lost, 2).await);
}

#[test]
fn a_late_answer_of_each_activity_repeats_nothing() {
    on_the_stack(async |world| answers(world, "late", Fate::Late, 0).await);
}
