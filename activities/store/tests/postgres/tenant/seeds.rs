//! What a new tenant begins with (contract, section 5), and its settings (section 4.3).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, request};
use crate::tenant::world::{AT, World, refusal};
use model::tenant::failure::FailureType;
use serde_json::{Value, json};
use uuid::Uuid;

async fn made(world: &World<'_>, product: &str) -> Creation {
    let mut asked = request(product);
    asked.product_code = product.to_owned();
    world.whole(asked).await
}

async fn counts(world: &World<'_>, tenant: Uuid, tables: &[&str]) -> Vec<String> {
    let mut counts = Vec::new();
    for table in tables {
        counts.push(world.count(&format!("{table} WHERE tenant = '{tenant}'")).await);
    }
    counts
}

async fn grants(world: &World<'_>, tenant: Uuid) -> String {
    let text = format!(
        "SELECT string_agg(format('%s %s %s', side, role_name, n), ', ' ORDER BY side DESC, n DESC) FROM (
           SELECT CASE WHEN msp AND NOT client THEN 'msp' WHEN client AND NOT msp THEN 'client' END AS side, role_name,
                  count(permission_id) AS n
           FROM roles LEFT JOIN role_permissions USING (tenant, role_id) WHERE tenant = '{tenant}' GROUP BY 1, 2) AS r"
    );
    world.db.value(&text).await
}

const RIGHTS: [&str; 3] = ["roles", "permissions", "role_permissions"];
const FIRST_ROWS: [&str; 5] =
    ["tax_regions", "tax_rates", "statuses", "asset_type_registry", "document_default_folders"];

#[tokio::test]
async fn the_full_product_begins_with_its_rights_and_first_rows() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = made(&world, "psa").await;
        assert_eq!(counts(&world, made.tenant, &RIGHTS).await, ["8", "198", "402"]);
        // Folders come with a seed pack.
        assert_eq!(counts(&world, made.tenant, &FIRST_ROWS).await, ["1", "1", "4", "6", "0"]);
        let expected = "msp Admin 172, msp Finance 67, msp Project Manager 49, msp Technician 37, msp Dispatcher 27, \
                        client Admin 26, client Finance 13, client User 11";
        assert_eq!(grants(&world, made.tenant).await, expected);
        let both = format!("permissions WHERE tenant = '{}' AND msp AND client AND resource = 'settings'", made.tenant);
        assert_eq!(world.count(&both).await, "4");
        let region = json!({ "region_code": "DEFAULT", "region_name": "Default Tax Region", "is_active": true });
        assert_eq!(world.row("tax_regions", made.tenant, &[]).await, region);
        let rate = json!({
            "tax_percentage": 0.0, "description": "Non-taxable", "start_date": "2027-01-15", "end_date": null,
            "region_code": "DEFAULT", "is_active": true, "tax_type": null,
        });
        assert_eq!(world.row("tax_rates", made.tenant, &["tax_rate_id"]).await, rate);
    })
    .await;
}

#[tokio::test]
async fn the_help_desk_begins_with_rights_alone() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = made(&world, "algadesk").await;
        assert_eq!(counts(&world, made.tenant, &RIGHTS).await, ["4", "67", "92"]);
        assert_eq!(counts(&world, made.tenant, &FIRST_ROWS).await, ["0"; 5]);
        let expected = "msp Admin 49, msp Agent 17, client Admin 18, client User 8";
        assert_eq!(grants(&world, made.tenant).await, expected);
        let reply = world.store.seed(&made.seeds(T0)).await.unwrap();
        assert_eq!((reply.success, reply.seeds_skipped), (Some(true), Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn statuses_and_asset_types_are_those_of_the_product() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = made(&world, "psa").await;
        let status = |n: i32, name: &str, color: &str, icon: &str| {
            json!({
                "name": name, "status_type": "project_task", "item_type": "project_task", "order_number": n,
                "is_closed": n == 4, "is_default": n == 1, "is_custom": null, "color": color, "icon": icon,
                "board_id": null, "standard_status_id": null, "created_by": null,
            })
        };
        let statuses = json!([
            status(1, "To Do", "#6B7280", "Clipboard"),
            status(2, "In Progress", "#3B82F6", "PlayCircle"),
            status(3, "Blocked", "#EF4444", "AlertCircle"),
            status(4, "Done", "#10B981", "CheckCircle"),
        ]);
        assert_eq!(world.rows("statuses", made.tenant, "order_number", &["status_id"]).await, statuses);
        let types = world.rows("asset_type_registry", made.tenant, "display_order", &["type_id", "icon"]).await;
        let named: Vec<Value> = types.as_array().unwrap().iter().map(|row| row["slug"].clone()).collect();
        let slugs = ["workstation", "network_device", "server", "mobile_device", "printer", "unknown"];
        assert_eq!(named, slugs);
        let device = json!({
            "slug": "network_device", "name": "Network Device", "fields_schema": [], "is_builtin": true, "display_order": 1,
        });
        assert_eq!(types[1], device);
    })
    .await;
}

#[tokio::test]
async fn what_is_there_is_neither_changed_nor_doubled() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
        let tenant = creation.tenant;
        db.execute(&format!(
            "INSERT INTO statuses (tenant, name, status_type, item_type, order_number) VALUES
               ('{tenant}', 'Mine', 'project_task', 'project_task', 9), ('{tenant}', 'Other', 'ticket', 'ticket', 1);
             INSERT INTO roles (tenant, role_name, description, msp, client) VALUES ('{tenant}', 'Admin', 'Mine', true, false);
             INSERT INTO permissions (tenant, resource, action, msp, client) VALUES ('{tenant}', 'asset', 'read', true, false);
             INSERT INTO tax_regions VALUES ('{tenant}', 'DEFAULT', 'Mine', false);
             INSERT INTO tax_rates VALUES (gen_random_uuid(), '{tenant}', 20, 'Mine', '2020-01-01', NULL, 'DEFAULT');
             INSERT INTO asset_type_registry (tenant, slug, name, fields_schema) VALUES ('{tenant}', 'server', 'Mine', '[1]')"
        ))
        .await;
        creation.run(&world.store, Step::Seed, T0).await.unwrap();
        assert_eq!(counts(&world, tenant, &RIGHTS).await, ["8", "198", "402"]);
        assert_eq!(counts(&world, tenant, &FIRST_ROWS).await, ["1", "1", "2", "6", "0"]);
        for table in ["roles", "tax_regions", "tax_rates", "asset_type_registry"] {
            let mine = format!("{table} t WHERE tenant = '{tenant}' AND to_jsonb(t)::text LIKE '%Mine%'");
            assert_eq!(world.count(&mine).await, "1", "{table}");
        }
        assert!(grants(&world, tenant).await.starts_with("msp Admin 172, "));
    })
    .await;
}

#[tokio::test]
async fn settings_hold_a_provider_to_fill_in_and_the_copies_of_every_notification() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = made(&world, "psa").await;
        let mail = json!({
            "email_provider": "resend", "fallback_enabled": true, "tracking_enabled": false, "max_daily_emails": null,
            "provider_configs": [{ "providerId": "resend-provider", "providerType": "resend", "isEnabled": false,
                                   "config": { "apiKey": "", "from": "" } }],
            "custom_domains": [], "default_from_domain": null, "ticketing_from_email": null, "ticketing_from_name": null,
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(world.row("tenant_email_settings", made.tenant, &["id"]).await, mail);
        let settings = json!({
            "onboarding_completed": false, "onboarding_skipped": false, "onboarding_completed_at": null, "onboarding_data": null,
            "settings": null, "ticket_display_settings": null, "default_tax_source": "internal",
            "allow_external_tax_override": false, "tax_delegation_nudge_dismissed_at": null, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(world.row("tenant_settings", made.tenant, &[]).await, settings);
        let company = json!({ "client_id": made.client, "is_default": true, "deleted_at": null, "created_at": AT, "updated_at": AT });
        assert_eq!(world.row("tenant_companies", made.tenant, &[]).await, company);
        let steps = ["email_settings", "tenant_settings", "tenant_client_association", "notification_settings"];
        assert_eq!(world.store.set_up(&made.settings(T0)).await.unwrap().setup_steps, steps);
        for (copy, original, key, link, priority, count) in COPIES {
            let table = format!("tenant_{copy}_settings");
            assert_eq!(counts(&world, made.tenant, &[&table]).await, [count], "{table}");
            let equal = format!(
                "{table} c JOIN {original} o ON o.{link} = c.{key} WHERE c.tenant = '{}' AND c.is_enabled = o.is_enabled
                   AND c.is_default_enabled = o.is_default_enabled AND {priority} AND c.created_at = '{AT}' AND c.updated_at = '{AT}'",
                made.tenant
            );
            assert_eq!(world.count(&equal).await, count, "{table}");
        }
    })
    .await;
}

/// Table of the copy, of the original, their keys, what else must be equal, and how many.
const COPIES: [(&str, &str, &str, &str, &str, &str); 4] = [
    ("notification_category", "notification_categories", "category_id", "id", "true", "15"),
    ("notification_subtype", "notification_subtypes", "subtype_id", "id", "true", "55"),
    (
        "internal_notification_category",
        "internal_notification_categories",
        "category_id",
        "internal_notification_category_id",
        "true",
        "11",
    ),
    (
        "internal_notification_subtype",
        "internal_notification_subtypes",
        "subtype_id",
        "internal_notification_subtype_id",
        "c.priority = o.default_priority",
        "48",
    ),
];

#[tokio::test]
async fn a_provider_of_its_own_and_settings_that_are_there_already() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        for step in [Step::Create, Step::Seed, Step::Admin] {
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
        }
        let mut asked = creation.settings(T0);
        asked.email_provider = "smtp".to_owned();
        world.store.set_up(&asked).await.unwrap();
        let mail = world.row("tenant_email_settings", creation.tenant, &[]).await;
        let provider = json!([{ "providerId": "smtp-provider", "providerType": "smtp", "isEnabled": false,
            "config": { "host": "", "port": 587, "username": "", "password": "", "from": "" } }]);
        assert_eq!((&mail["email_provider"], &mail["provider_configs"]), (&json!("smtp"), &provider));

        let mut other = Creation::new(request("two"));
        other.learn(&other.run(&world.store, Step::Create, T0).await.unwrap());
        let tenant = other.tenant;
        db.execute(&format!(
            "INSERT INTO tenant_email_settings (tenant, email_provider) VALUES ('{tenant}', 'microsoft');
             INSERT INTO tenant_settings (tenant, onboarding_completed) VALUES ('{tenant}', true);
             INSERT INTO tenant_notification_category_settings (tenant, category_id, is_enabled) SELECT '{tenant}', id, false
               FROM notification_categories LIMIT 1"
        ))
        .await;
        other.run(&world.store, Step::SetUp, T0).await.unwrap();
        assert_eq!(world.row("tenant_email_settings", tenant, &[]).await["email_provider"], json!("microsoft"));
        assert_eq!(world.row("tenant_settings", tenant, &[]).await["onboarding_completed"], json!(true));
        let off = format!("tenant_notification_category_settings WHERE tenant = '{tenant}' AND NOT is_enabled");
        assert_eq!(world.count(&off).await, "1");
    })
    .await;
}

#[tokio::test]
async fn steps_of_an_unknown_tenant_or_product_are_refused_by_type() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let nobody = Creation { tenant: Uuid::new_v4(), client: Uuid::new_v4(), ..Creation::new(request("one")) };
        for step in [Step::Seed, Step::Admin, Step::SetUp] {
            let (kind, _) = refusal(nobody.run(&world.store, step, T0).await);
            assert_eq!(kind, FailureType::TenantNotFound, "{step:?}");
        }
        let mut odd = nobody.seeds(T0);
        odd.product_code = "PSA".to_owned();
        assert_eq!(refusal(world.store.seed(&odd).await).0, FailureType::Validation);
        assert_eq!(world.count("tenantry.activity_ledger").await, "0");
    })
    .await;
}

#[tokio::test]
async fn an_administrator_needs_the_role() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
        let before = world.everything().await;
        let (kind, _) = refusal(creation.run(&world.store, Step::Admin, T0).await);
        assert_eq!(kind, FailureType::Configuration);
        assert_eq!(world.everything().await, before);
        creation.run(&world.store, Step::Seed, T0).await.unwrap();
        creation.run(&world.store, Step::Admin, T0).await.unwrap();
    })
    .await;
}
