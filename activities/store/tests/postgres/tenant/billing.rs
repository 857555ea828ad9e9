//! What links a tenant to the one who pays: Stripe, Apple, add-ons; and what is refused (R12).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{request, with_stripe};
use crate::tenant::world::{AT, World, refusal};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde_json::{Value, json};
use store::tenant::{TenantSettings, TenantStore};
use uuid::Uuid;

/// A month after the instant of the tests.
const NEXT_MONTH: &str = "2027-02-15T08:00:00+00:00";

fn stripe(request: &mut wire::CreateTenantRequest) -> &mut wire::StripeLinks {
    request.stripe.as_mut().unwrap()
}

async fn price(world: &World<'_>, external: &str) -> Value {
    json!(
        world
            .db
            .value(&format!("SELECT stripe_price_id FROM stripe_prices WHERE stripe_price_external_id = '{external}'"))
            .await
    )
}

#[tokio::test]
async fn a_subscription_with_its_customer_its_prices_and_its_item() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut asked = with_stripe(request("one"), "sub_One");
        stripe(&mut asked).base_item_id = "si_base".to_owned();
        stripe(&mut asked).base_price_id = "price_base".to_owned();
        let made = world.whole(asked).await;
        let customer = world.row("stripe_customers", made.tenant, &[]).await;
        let internal = customer["stripe_customer_id"].clone();
        let expected = json!({
            "stripe_customer_id": internal, "stripe_customer_external_id": "cus_sub_One", "billing_tenant": world.billing,
            "email": "admin@one.example", "name": "Company one", "metadata": null, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(customer, expected);
        let subscription = json!({
            "stripe_subscription_external_id": "sub_One", "stripe_customer_id": internal,
            "stripe_price_id": price(&world, "price_solo").await, "quantity": 7, "status": "active", "current_period_start": AT,
            "current_period_end": NEXT_MONTH, "canceled_at": null, "stripe_base_item_id": "si_base",
            "stripe_base_price_id": price(&world, "price_base").await, "billing_interval": "month",
            "metadata": { "stripe_subscription_item_id": "si_sub_One" }, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(world.row("stripe_subscriptions", made.tenant, &["stripe_subscription_id"]).await, subscription);
        let tenant = world.row("tenants", made.tenant, &[]).await;
        assert_eq!((&tenant["billing_source"], &tenant["licensed_user_count"]), (&json!("stripe"), &json!(7)));
    })
    .await;
}

#[tokio::test]
async fn an_item_stands_in_its_column_where_there_is_one() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        db.execute("ALTER TABLE stripe_subscriptions ADD COLUMN stripe_subscription_item_id text").await;
        store::migrate(&db.admin, &db.roles).await.unwrap();
        let made = world.whole(with_stripe(request("one"), "sub_1")).await;
        let row = world.row("stripe_subscriptions", made.tenant, &[]).await;
        assert_eq!((&row["stripe_subscription_item_id"], &row["metadata"]), (&json!("si_sub_1"), &json!(null)));
        let mut asked = with_stripe(request("two"), "sub_2");
        stripe(&mut asked).subscription_item_id = String::new();
        let made = world.whole(asked).await;
        let row = world.row("stripe_subscriptions", made.tenant, &[]).await;
        assert_eq!((&row["stripe_subscription_item_id"], &row["metadata"]), (&json!(null), &json!(null)));
    })
    .await;
}

#[tokio::test]
async fn what_stripe_sells_beats_the_plan_that_was_given() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        for (external, given, plan) in [
            ("price_solo", "pro", "solo"),
            ("price_pro", "solo", "pro"),
            ("price_desk", "solo", "pro"),
            ("price_new", "solo", "pro"),
        ] {
            let mut asked = with_stripe(request(external), external);
            stripe(&mut asked).price_id = external.to_owned();
            asked.plan = given.to_owned();
            let answer = world.create(&asked).await.unwrap();
            let tenant: Uuid = answer["tenantId"].as_str().unwrap().parse().unwrap();
            assert_eq!(world.row("tenants", tenant, &[]).await["plan"], json!(plan), "{external}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_customer_without_a_subscription_is_linked_alone() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut asked = with_stripe(request("one"), "");
        *stripe(&mut asked) = wire::StripeLinks { customer_id: "cus_1".to_owned(), ..wire::StripeLinks::default() };
        asked.plan = "solo".to_owned();
        let made = world.whole(asked).await;
        assert_eq!(
            world.row("stripe_customers", made.tenant, &[]).await["stripe_customer_external_id"],
            json!("cus_1")
        );
        assert_eq!(world.count("stripe_subscriptions").await, "0");
        assert_eq!(world.row("tenants", made.tenant, &[]).await["plan"], json!("solo"));
    })
    .await;
}

#[tokio::test]
async fn an_apple_subscription_and_add_ons() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let token = Uuid::new_v4().to_string();
        let mut asked = request("one");
        asked.billing_source = "apple_iap".to_owned();
        asked.plan = "solo".to_owned();
        asked.license_count = 1;
        asked.addons = vec!["sla".to_owned(), "rmm".to_owned()];
        asked.apple_iap = Some(wire::AppleIap {
            original_transaction_id: "2000000012345678".to_owned(),
            product_id: "solo.monthly".to_owned(),
            bundle_id: "com.example.app".to_owned(),
            environment: "Sandbox".to_owned(),
            app_account_token: token.clone(),
            latest_transaction_id: "2000000012345679".to_owned(),
            expires_at: "2027-02-01T00:00:00.000Z".to_owned(),
            original_purchase_at: "2027-01-01T00:00:00Z".to_owned(),
        });
        let made = world.whole(asked).await;
        let row = json!({
            "original_transaction_id": "2000000012345678", "product_id": "solo.monthly", "bundle_id": "com.example.app",
            "environment": "Sandbox", "status": "active", "app_account_token": token,
            "expires_at": "2027-02-01T00:00:00+00:00", "original_purchase_at": "2027-01-01T00:00:00+00:00",
            "latest_transaction_id": "2000000012345679", "latest_notification_type": null, "latest_notification_subtype": null,
            "latest_notification_at": null, "auto_renew_status": true, "auto_renew_status_updated_at": null,
            "transition_stripe_subscription_external_id": null, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(world.row("apple_iap_subscriptions", made.tenant, &[]).await, row);
        let addons = ["rmm", "sla"]
            .map(|key| json!({ "addon_key": key, "activated_at": AT, "expires_at": null, "metadata": null }));
        assert_eq!(world.rows("tenant_addons", made.tenant, "addon_key", &[]).await, json!(addons));
        assert_eq!(world.count("stripe_customers").await, "0");

        let mut bare = request("two");
        bare.apple_iap = Some(wire::AppleIap {
            original_transaction_id: "3".to_owned(),
            product_id: "p".to_owned(),
            bundle_id: "b".to_owned(),
            environment: "Production".to_owned(),
            ..wire::AppleIap::default()
        });
        let made = world.whole(bare).await;
        let row = world.row("apple_iap_subscriptions", made.tenant, &[]).await;
        let optional = ["app_account_token", "expires_at", "original_purchase_at", "latest_transaction_id"];
        assert!(optional.iter().all(|column| row[*column].is_null()), "{row}");
    })
    .await;
}

#[tokio::test]
async fn an_unknown_price_or_a_missing_billing_tenant_stops_a_creation_before_anything_is_written() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        // A price of another tenant is none of the billing tenant's.
        let other = db.tenant().await;
        db.execute(&format!(
            "INSERT INTO stripe_products SELECT '{other}', stripe_product_id, 'p', NULL, 'alga-psa-solo', NULL, 't' FROM stripe_products LIMIT 1;
             INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
             SELECT '{other}', 'price_foreign', stripe_product_id, 1 FROM stripe_products WHERE tenant = '{other}'"
        ))
        .await;
        let before = world.everything().await;
        let mut base = with_stripe(request("base"), "sub_base");
        stripe(&mut base).base_price_id = "price_none".to_owned();
        let mut unknown = with_stripe(request("unknown"), "sub_unknown");
        stripe(&mut unknown).price_id = "price_none".to_owned();
        let mut foreign = with_stripe(request("foreign"), "sub_foreign");
        stripe(&mut foreign).price_id = "price_foreign".to_owned();
        for asked in [&base, &unknown, &foreign] {
            assert_eq!(refusal(world.create(asked).await), (FailureType::Configuration, None), "{}", asked.origin_id);
        }
        let without = TenantStore::new(db.worker.clone(), TenantSettings { billing_tenant: None });
        let asked = with_stripe(request("without"), "sub_without");
        assert_eq!(refusal(without.create(&asked, "k", "without").await).0, FailureType::Configuration);
        assert_eq!(world.everything().await, before);

        // Once the price is there, the same request goes through: nothing of the first try is in its way.
        db.execute(&format!(
            "INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
             SELECT '{}', 'price_none', stripe_product_id, 1 FROM stripe_products WHERE tenant = '{}' LIMIT 1",
            world.billing, world.billing
        ))
        .await;
        unknown.now_ms = T0 + 1;
        world.create(&unknown).await.unwrap();
        world.create(&base).await.unwrap();
    })
    .await;
}
