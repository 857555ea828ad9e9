//! Ids that were minted beforehand, re-runs, and creations that wait for somebody (R2).

use crate::fixture::{DAY, Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, create_in, request, with_stripe};
use crate::tenant::world::{AT, World, refusal};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde_json::json;
use uuid::Uuid;

/// A request that brings an id.
fn minted(origin: &str, tenant: Uuid) -> wire::CreateTenantRequest {
    wire::CreateTenantRequest { tenant_id: tenant.to_string(), ..request(origin) }
}

#[tokio::test]
async fn a_minted_id_is_taken_and_a_second_run_goes_on_under_the_first_ones_keys() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let tenant = Uuid::new_v4();
        let asked = minted("one", tenant);
        let first = world.create(&asked).await.unwrap();
        assert_eq!(first["tenantId"], json!(tenant));
        assert_eq!((&first["originId"], &first["adopted"]), (&json!("one"), &json!(null)));
        assert_eq!(world.create(&asked).await.unwrap(), first);

        let second = wire::CreateTenantRequest { origin_id: "two".to_owned(), now_ms: T0 + DAY, ..asked.clone() };
        let adopted = world.create(&second).await.unwrap();
        let ids = |answer: &serde_json::Value| (answer["tenantId"].clone(), answer["clientId"].clone());
        assert_eq!(ids(&adopted), ids(&first));
        assert_eq!((&adopted["originId"], &adopted["adopted"]), (&json!("one"), &json!(true)));
        assert_eq!(world.count("clients").await, "1");
        assert_eq!(world.count("tenantry.activity_ledger").await, "1");

        let other = wire::CreateTenantRequest { company_name: "Another".to_owned(), ..second };
        assert_eq!(refusal(world.create(&other).await).0, FailureType::IdempotencyConflict);
    })
    .await;
}

#[tokio::test]
async fn runs_at_once_with_one_minted_id_end_with_one_tenant() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 12), world.billing);
        let tenant = Uuid::new_v4();
        let asked: Vec<_> = (0..12)
            .map(|n| wire::CreateTenantRequest { origin_id: format!("run-{n}"), ..minted("one", tenant) })
            .collect();
        let runs = asked.iter().map(|request| create_in(&store, request, &request.origin_id));
        let answers = futures::future::join_all(runs).await;
        let clients: std::collections::BTreeSet<String> =
            answers.into_iter().map(|answer| answer.unwrap()["clientId"].to_string()).collect();
        assert_eq!(clients.len(), 1);
        assert_eq!(world.count("clients").await, "1");
    })
    .await;
}

#[tokio::test]
async fn a_row_of_somebody_else_is_adopted_only_while_it_is_alone() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let tenant = db.tenant().await;
        let mut asked = minted("one", tenant);
        asked.license_count = 2;
        asked.plan = "solo".to_owned();
        world.create(&asked).await.unwrap();
        let row = world.row("tenants", tenant, &[]).await;
        let shown = [
            "client_name",
            "email",
            "updated_at",
            "billing_source",
            "plan",
            "product_code",
            "licensed_user_count",
            "last_license_update",
            "stripe_event_id",
        ]
        .map(|column| row[column].clone());
        let expected = [
            json!("Company one"),
            json!("admin@one.example"),
            json!(AT),
            json!("manual"),
            json!("solo"),
            json!("psa"),
            json!(2),
            json!(AT),
            json!(format!("temporal_{T0}")),
        ];
        assert_eq!(shown, expected);
        assert_eq!(world.count(&format!("clients WHERE tenant = '{tenant}'")).await, "1");
    })
    .await;
}

#[tokio::test]
async fn no_table_that_the_worker_may_read_is_overlooked() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'tenants'
               AND has_column_privilege($1, c.oid, a.attnum, 'SELECT') ORDER BY 1",
        )
        .bind(db.roles.worker.name())
        .fetch_all(&db.admin)
        .await
        .unwrap();
        assert!(tables.len() >= 28, "{tables:?}");
        for table in &tables {
            let tenant = db.tenant().await;
            insert_any(db, table, tenant).await;
            let before = world.everything().await;
            let (kind, _) = refusal(world.create(&minted(table, tenant)).await);
            assert_eq!(kind, FailureType::IdempotencyConflict, "{table}");
            assert_eq!(world.everything().await, before, "{table}");
        }
    })
    .await;
}

/// Writes some row of a tenant into a table: every column without a default gets a value of its type.
async fn insert_any(db: &Db, table: &str, tenant: Uuid) {
    db.execute(&format!(
        "SET session_replication_role = replica;
         DO $$ DECLARE names text; vals text; BEGIN
           SELECT string_agg(quote_ident(column_name), ', '), string_agg(CASE
               WHEN column_name = 'tenant' THEN '''{tenant}''' WHEN data_type = 'uuid' THEN 'gen_random_uuid()'
               WHEN data_type = 'boolean' THEN 'false' WHEN data_type IN ('integer', 'numeric', 'bigint') THEN '1'
               WHEN data_type IN ('json', 'jsonb') THEN '''[]''' WHEN data_type = 'date' THEN 'current_date'
               WHEN data_type LIKE 'timestamp%' THEN 'now()' ELSE '''x''' END, ', ')
             INTO names, vals FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}' AND is_nullable = 'NO' AND column_default IS NULL;
           EXECUTE format('INSERT INTO public.{table} (%s) VALUES (%s)', names, vals);
         END $$;
         SET session_replication_role = DEFAULT"
    ))
    .await;
}

#[tokio::test]
async fn a_creation_that_waits_for_a_repair_is_left_to_its_run() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let tenant = Uuid::new_v4();
        let mut creation = Creation::new(minted("one", tenant));
        creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
        let mut waiting = creation.state("repair", T0);
        waiting.workflow_id = format!("tenant-repair-{tenant}");
        world.store.record(&waiting).await.unwrap();
        let before = world.everything().await;

        let details = json!({ "workflowId": waiting.workflow_id });
        let again = creation.run(&world.store, Step::Create, T0 + 1).await;
        assert_eq!(refusal(again), (FailureType::RepairRequired, Some(details.clone())));
        let other = wire::CreateTenantRequest { origin_id: "two".to_owned(), ..creation.request.clone() };
        assert_eq!(refusal(world.create(&other).await), (FailureType::RepairRequired, Some(details)));
        assert_eq!(world.everything().await, before);

        let mine = create_in(&world.store, &creation.request, &waiting.workflow_id).await.unwrap();
        assert_eq!(mine["tenantId"], json!(tenant));
        assert_eq!(world.standing().await, ["open  1"]);
    })
    .await;
}

#[tokio::test]
async fn a_creation_that_was_given_up_can_be_taken_up_again() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(with_stripe(request("one"), "sub_1"));
        creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
        let mut given_up = creation.state("abandoned", T0 + 1);
        (given_up.step, given_up.reason) = ("running_onboarding_seeds".to_owned(), "STORE_REJECTED".to_owned());
        (given_up.by, given_up.note) = ("an operator".to_owned(), "not wanted any more".to_owned());
        world.store.record(&given_up).await.unwrap();
        // Its tenant is there, so its claims stay: nobody else gets the subscription.
        let other = with_stripe(request("two"), "sub_1");
        let details = json!({ "existingTenantId": creation.tenant });
        assert_eq!(refusal(world.create(&other).await), (FailureType::Duplicate, Some(details)));

        for step in Step::ALL {
            creation.learn(&creation.run(&world.store, step, T0 + DAY).await.unwrap());
        }
        let detail = world.store.creation(creation.tenant).await.unwrap().unwrap();
        assert_eq!(detail.summary.state, "completed");
        let log: Vec<_> = detail.log.iter().map(|event| (event.state.as_str(), event.decided_by.as_str())).collect();
        assert_eq!(log, [("abandoned", "an operator"), ("open", ""), ("completed", "")]);
        assert_eq!(world.count(&format!("users WHERE tenant = '{}'", creation.tenant)).await, "1");
    })
    .await;
}

#[tokio::test]
async fn a_completed_creation_answers_and_is_not_opened_again() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(minted("one", Uuid::new_v4())).await;
        let before = world.everything().await;
        let second = wire::CreateTenantRequest { origin_id: "two".to_owned(), ..made.request.clone() };
        let adopted = world.create(&second).await.unwrap();
        assert_eq!((&adopted["tenantId"], &adopted["originId"]), (&json!(made.tenant), &json!("one")));
        assert_eq!(world.everything().await, before);
    })
    .await;
}
