//! However the steps of two creations are repeated and mixed, the rows are those of one clean run.

use crate::fixture::{Db, MINUTE, T0, with_database};
use crate::tenant::steps::{Creation, Step, request, with_stripe};
use crate::tenant::world::World;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::tenant::TenantStore;

/// One move: whose turn it is, whether an earlier step is repeated instead (and which), and how many do it at once.
#[derive(Debug, Clone)]
struct Move {
    second: bool,
    back: Option<usize>,
    at_once: usize,
    later_ms: i64,
}

/// The tax rate begins today, so no attempt is of tomorrow: the instant of the tests is at 8 in the morning.
const DAY_LEFT: i64 = 15 * 60 * MINUTE;

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let back = prop_oneof![2 => Just(None), 3 => (0..Step::ALL.len()).prop_map(Some)];
    let one = (any::<bool>(), back, 1..4_usize, 0..DAY_LEFT).prop_map(|(second, back, at_once, later_ms)| Move {
        second,
        back,
        at_once,
        later_ms,
    });
    prop::collection::vec(one, 1..24)
}

/// Two creations: one bought, one invoiced, of the two products.
fn two() -> [Creation; 2] {
    let mut invoiced = request("invoiced");
    invoiced.product_code = "algadesk".to_owned();
    [Creation::new(with_stripe(request("bought"), "sub_1")), Creation::new(invoiced)]
}

/// Goes one step on, or repeats one that is done; several attempts at once answer alike.
async fn go(store: &TenantStore, creation: &mut Creation, done: &mut usize, chosen: &Move) {
    let index = chosen.back.map_or(*done, |back| back.min(*done)).min(Step::ALL.len() - 1);
    let step = Step::ALL[index];
    let attempts = (0..chosen.at_once).map(|_| creation.run(store, step, T0 + chosen.later_ms));
    let answers: Vec<_> = futures::future::join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{step:?}: {answers:?}");
    creation.learn(&answers[0]);
    *done = (*done).max(index + 1);
}

async fn run(world: &World<'_>, moves: &[Move]) -> Vec<String> {
    let [mut one, mut two] = two();
    let (mut of_one, mut of_two) = (0, 0);
    let last = Move { second: false, back: None, at_once: 1, later_ms: 0 };
    for pair in moves.chunks(2) {
        // Two moves of different creations run side by side.
        let mine = pair.iter().find(|chosen| !chosen.second);
        let other = pair.iter().find(|chosen| chosen.second);
        tokio::join!(
            async {
                if let Some(chosen) = mine {
                    go(&world.store, &mut one, &mut of_one, chosen).await;
                }
            },
            async {
                if let Some(chosen) = other {
                    go(&world.store, &mut two, &mut of_two, chosen).await;
                }
            }
        );
    }
    while of_one < Step::ALL.len() {
        go(&world.store, &mut one, &mut of_one, &last).await;
    }
    while of_two < Step::ALL.len() {
        go(&world.store, &mut two, &mut of_two, &last).await;
    }
    world.likeness().await
}

async fn on_an_empty_database(db: &Db, moves: &[Move]) -> Vec<String> {
    db.execute(
        "TRUNCATE tenants, tenantry.activity_ledger, tenantry.creation_claims, tenantry.creations, tenantry.creation_log
         RESTART IDENTITY CASCADE",
    )
    .await;
    run(&World::new(db).await, moves).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeats_and_mixtures_end_with_the_rows_of_one_clean_run() {
    with_database(async |db: &Db| {
        let clean = on_an_empty_database(db, &[]).await;
        assert!(clean.len() > 900, "{}", clean.len());
        let handle = tokio::runtime::Handle::current();
        // A failure prints its moves; it is not kept in a file, because it needs a database to be repeated.
        let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 20, ..Config::default() };
        let checked = tokio::task::block_in_place(|| {
            TestRunner::new(config).run(&moves(), |moves| {
                let mixed = handle.block_on(on_an_empty_database(db, &moves));
                prop_assert!(mixed == clean, "{:?}", mixed.iter().find(|line| !clean.contains(line)));
                Ok(())
            })
        });
        checked.unwrap();
    })
    .await;
}
