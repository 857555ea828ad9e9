//! Nobody works on a tenant that their creation did not write, and a record of a tenant that is gone is no answer.

use crate::fixture::{DAY, Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, request};
use crate::tenant::world::{World, refusal};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use uuid::Uuid;

/// What a successor says when it begins to wait.
fn waits(made: &Creation) -> wire::RecordCreationRequest {
    let workflow_id = format!("tenant-repair-{}", made.tenant);
    wire::RecordCreationRequest { workflow_id, ..made.state("repair", T0 + 1) }
}

async fn begun(world: &World<'_>, origin: &str) -> Creation {
    let mut creation = Creation::new(request(origin));
    creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
    creation
}

#[tokio::test]
async fn a_step_on_the_tenant_of_another_creation_is_refused_and_writes_nothing() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let (one, two) = (begun(&world, "one").await, begun(&world, "two").await);
        let before = world.everything().await;
        let forged = Creation { tenant: two.tenant, client: two.client, ..one.clone() };
        for step in [Step::Seed, Step::Admin, Step::SetUp] {
            let refused = refusal(forged.run(&world.store, step, T0).await);
            assert_eq!(refused.0, FailureType::IdempotencyConflict, "{step:?}");
        }
        let customer = wire::CustomerClientRequest {
            origin_id: "one".to_owned(),
            management_tenant_id: world.billing.to_string(),
            tenant_id: two.tenant.to_string(),
            tenant_name: "Company two".to_owned(),
            now_ms: T0,
        };
        assert_eq!(refusal(world.store.customer_client(&customer).await).0, FailureType::IdempotencyConflict);
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn only_the_administrator_that_a_creation_wrote_is_its_administrator() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let (one, two) = (world.whole(request("one")).await, world.whole(request("two")).await);
        let prove = async |tenant, user, origin| world.store.prove_administrator(tenant, user, origin).await;
        prove(one.tenant, one.user, "one").await.unwrap();
        let other = world.user(one.tenant, "other@one.example", "internal").await;
        for (tenant, user, origin) in [
            (one.tenant, other, "one"),
            (one.tenant, two.user, "one"),
            (two.tenant, two.user, "one"),
            (one.tenant, one.user, "two"),
            (one.tenant, one.user, "nobody"),
            (two.tenant, one.user, "one"),
        ] {
            let refused = refusal(prove(tenant, user, origin).await);
            assert_eq!(refused.0, FailureType::IdempotencyConflict, "{origin}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_successor_was_handed_is_proven_against_the_record() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let (one, two) = (begun(&world, "one").await, begun(&world, "two").await);
        let prove = async |request: &wire::RecordCreationRequest| world.store.prove_successor(request).await;
        // Handed over before the first run's own note was written, and after it.
        prove(&waits(&one)).await.unwrap();
        world.store.record(&waits(&one)).await.unwrap();
        prove(&waits(&one)).await.unwrap();
        // Nobody heard of the write, or nothing was written.
        let unheard = wire::RecordCreationRequest { tenant_id: String::new(), ..waits(&one) };
        prove(&unheard).await.unwrap();
        prove(&wire::RecordCreationRequest { origin_id: "nothing".to_owned(), ..unheard.clone() }).await.unwrap();
        let before = world.everything().await;
        for forged in [
            wire::RecordCreationRequest { tenant_id: two.tenant.to_string(), ..waits(&one) },
            wire::RecordCreationRequest { origin_id: "two".to_owned(), ..waits(&one) },
            wire::RecordCreationRequest { origin_id: "nothing".to_owned(), ..waits(&one) },
            wire::RecordCreationRequest { tenant_id: Uuid::new_v4().to_string(), ..waits(&one) },
        ] {
            assert_eq!(refusal(prove(&forged).await).0, FailureType::IdempotencyConflict, "{forged:?}");
        }
        assert_eq!(world.everything().await, before);
        for (made, state) in [(&one, "abandoned"), (&two, "completed")] {
            world.store.record(&made.state(state, T0 + 2)).await.unwrap();
            assert_eq!(refusal(prove(&waits(made)).await).0, FailureType::IdempotencyConflict, "{state}");
            // Its own last word, said again.
            prove(&made.state(state, T0 + 3)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_of_a_tenant_that_is_gone_is_no_answer() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(request("one")).await;
        db.execute(&format!(
            "SET session_replication_role = replica; DELETE FROM tenants WHERE tenant = '{}';
             SET session_replication_role = DEFAULT",
            made.tenant
        ))
        .await;
        let before = world.everything().await;
        for step in [Step::Create, Step::Seed, Step::Admin, Step::SetUp] {
            let refused = refusal(made.run(&world.store, step, T0 + DAY).await);
            assert_eq!(refused.0, FailureType::TenantNotFound, "{step:?}");
        }
        assert_eq!(world.everything().await, before);
    })
    .await;
}
