//! A step that fails in the middle leaves nothing, and its repeat succeeds (R1, R4).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, request, with_stripe};
use crate::tenant::world::World;
use sqlx::{AssertSqlSafe, Executor};
use std::time::Duration;
use store::StoreError;
use store::tenant::TenantError;

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn sqlstate<T: std::fmt::Debug>(outcome: Result<T, TenantError>) -> Option<String> {
    match outcome {
        Err(TenantError::Store(StoreError::Unavailable { sqlstate, .. })) => sqlstate,
        other => panic!("the database's trouble, not {other:?}"),
    }
}

fn sold() -> Creation {
    let mut asked = with_stripe(request("one"), "sub_1");
    asked.addons = vec!["sla".to_owned()];
    Creation::new(asked)
}

/// Tables that a step writes, ours among them.
async fn written(world: &World<'_>, before: &[String]) -> Vec<String> {
    let after = world.everything().await;
    let new = after.iter().filter(|line| !before.contains(line));
    let mut tables: Vec<String> = new.map(|line| line.split(' ').next().unwrap_or("").to_owned()).collect();
    tables.dedup();
    tables
}

#[tokio::test]
async fn a_failure_at_any_table_of_any_step_leaves_nothing_and_the_repeat_succeeds() {
    with_database(async |db: &Db| {
        // The tables of each step, from a creation that goes well.
        let world = World::new(db).await;
        let mut tables = Vec::new();
        let mut creation = sold();
        for step in Step::ALL {
            let before = world.everything().await;
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
            tables.push(written(&world, &before).await);
        }
        assert!(tables[0].len() >= 10 && tables.iter().all(|tables| !tables.is_empty()), "{tables:?}");
        let clean = world.likeness().await;
        wipe(db).await;

        db.execute(
            "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = 'admin_shutdown'; END $$",
        )
        .await;
        let world = World::new(db).await;
        let mut creation = sold();
        for (step, tables) in Step::ALL.into_iter().zip(tables) {
            let before = world.everything().await;
            for table in tables {
                db.execute(&format!(
                    "CREATE TRIGGER fail AFTER INSERT OR UPDATE ON {table} EXECUTE FUNCTION public.fail()"
                ))
                .await;
                let outcome = creation.run(&world.store, step, T0).await;
                assert_eq!(sqlstate(outcome).as_deref(), Some("57P01"), "{step:?} at {table}");
                assert_eq!(world.everything().await, before, "{step:?} at {table}");
                db.execute(&format!("DROP TRIGGER fail ON {table}")).await;
            }
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
        }
        assert_eq!(world.likeness().await, clean);
    })
    .await;
}

/// Takes away what was created.
async fn wipe(db: &Db) {
    db.execute(
        "TRUNCATE tenants, tenantry.activity_ledger, tenantry.creation_claims, tenantry.creations, tenantry.creation_log
         RESTART IDENTITY CASCADE",
    )
    .await;
}

#[tokio::test]
async fn a_deferred_check_that_fails_the_commit_is_an_error() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        db.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = 'serialization_failure'; END $$;
             CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON clients DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
        )
        .await;
        let before = world.everything().await;
        assert_eq!(sqlstate(world.create(&request("one")).await).as_deref(), Some("40001"));
        assert_eq!(world.everything().await, before);
        db.execute("DROP TRIGGER fail ON clients").await;
        world.create(&request("one")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_read_only_server_is_told_as_such_and_the_next_try_takes_another_connection() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = sold();
        let name = db.roles.worker.name();
        for step in Step::ALL {
            let before = world.everything().await;
            db.execute(&format!("ALTER ROLE {name} SET default_transaction_read_only = on")).await;
            let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 2), world.billing);
            assert_eq!(sqlstate(creation.run(&store, step, T0).await).as_deref(), Some("25006"), "{step:?}");
            assert_eq!(world.everything().await, before);
            // The server is promoted; sessions that were opened before stay read-only.
            db.execute(&format!("ALTER ROLE {name} RESET default_transaction_read_only")).await;
            creation.learn(&creation.run(&store, step, T0).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_locked_too_long_leaves_nothing() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        db.execute(&format!("ALTER ROLE {} SET lock_timeout = '100ms'", db.roles.worker.name())).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 2), world.billing);
        let mut creation = sold();
        let tables =
            ["client_locations", "permissions", "user_roles", "tenant_internal_notification_subtype_settings", "users"];
        for (step, table) in Step::ALL.into_iter().zip(tables) {
            let before = world.everything().await;
            let mut holder = db.admin.begin().await.unwrap();
            holder.execute(AssertSqlSafe(format!("LOCK TABLE {table} IN SHARE MODE"))).await.unwrap();
            assert_eq!(sqlstate(creation.run(&store, step, T0).await).as_deref(), Some("55P03"), "{step:?}");
            holder.rollback().await.unwrap();
            assert_eq!(world.everything().await, before, "{step:?}");
            creation.learn(&creation.run(&store, step, T0).await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_middle_leaves_nothing() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let creation = sold();
        let before = world.everything().await;
        let mut holder = db.admin.begin().await.unwrap();
        holder.execute("LOCK TABLE client_locations IN SHARE MODE").await.unwrap();
        let cut = async {
            let until = tokio::time::Instant::now() + PATIENCE;
            let text = format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{}' AND wait_event_type = 'Lock'",
                db.roles.worker.name()
            );
            while db.value(&text).await == "0" {
                assert!(tokio::time::Instant::now() < until, "nobody waits for the lock");
                tokio::task::yield_now().await;
            }
        };
        let (outcome, ()) = tokio::join!(creation.run(&world.store, Step::Create, T0), cut);
        let state = sqlstate(outcome);
        assert!(state.is_none() || state.as_deref() == Some("57P01"), "{state:?}");
        holder.rollback().await.unwrap();
        assert_eq!(world.everything().await, before);
        creation.run(&world.store, Step::Create, T0).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_refused_step_holds_no_lock_and_no_connection() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 1), world.billing);
        let mut asked = with_stripe(request("one"), "sub_1");
        asked.stripe.as_mut().unwrap().price_id = "price_none".to_owned();
        let mut fixed = asked.clone();
        fixed.stripe.as_mut().unwrap().price_id = "price_solo".to_owned();
        for _ in 0..5 {
            assert!(super::steps::create(&store, &asked).await.is_err());
            let busy = format!(
                "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.usename = '{}' AND l.locktype IN ('advisory', 'relation')",
                db.roles.worker.name()
            );
            assert_eq!(db.value(&busy).await, "0");
        }
        super::steps::create(&store, &fixed).await.unwrap();
    })
    .await;
}
