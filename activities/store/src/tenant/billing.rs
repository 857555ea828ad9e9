//! The links between a tenant and what pays for it. Never dropped in silence: an unknown price stops the creation.

use super::create::Asked;
use super::error::TenantError;
use super::sql;
use crate::db::micros;
use model::tenant::failure::FailureType;
use model::tenant::product::{Plan, plan_of_stripe_product};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// What the product's own tables say of the external ids.
#[derive(Debug, Default)]
pub(super) struct Links {
    price: Option<Uuid>,
    base_price: Option<Uuid>,
    /// Plan that the price stands for.
    pub(super) plan: Option<Plan>,
}

/// Looks up the prices. Needs the billing tenant as soon as there is a Stripe customer.
pub(super) async fn look_up(conn: &mut PgConnection, asked: &Asked<'_>) -> Result<Links, TenantError> {
    let links = asked.request.stripe.clone().unwrap_or_default();
    if links.customer_id.is_empty() {
        return Ok(Links::default());
    }
    let Some(billing_tenant) = asked.settings.billing_tenant else {
        let text = "MASTER_BILLING_TENANT_ID: is needed as soon as a Stripe customer is given";
        return Err(TenantError::of(FailureType::Configuration, text));
    };
    let mut found = Links::default();
    if !links.price_id.is_empty() {
        let (price, product) = price(conn, billing_tenant, &links.price_id, "stripePriceId").await?;
        found.price = Some(price);
        found.plan = Some(plan_of_stripe_product(&product));
    }
    if !links.base_price_id.is_empty() {
        let (price, _) = price(conn, billing_tenant, &links.base_price_id, "stripeBasePriceId").await?;
        found.base_price = Some(price);
    }
    Ok(found)
}

async fn price(
    conn: &mut PgConnection,
    billing_tenant: Uuid,
    external_id: &str,
    field: &str,
) -> Result<(Uuid, String), TenantError> {
    let Some(record) = sql::FIND_PRICE.bind(billing_tenant).bind(external_id).optional(conn).await? else {
        let text =
            format!("{field}: no such price of the billing tenant; import it into stripe_prices, then start it again");
        return Err(TenantError::of(FailureType::Configuration, text));
    };
    Ok((record.field("stripe_price_id")?, record.field("product_name")?))
}

/// Writes customer, subscription, Apple subscription and add-ons, as far as they were given.
pub(super) async fn write(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    tenant: Uuid,
    found: &Links,
) -> Result<(), TenantError> {
    let request = asked.request;
    let at = micros(request.now_ms);
    let links = request.stripe.clone().unwrap_or_default();
    if !links.customer_id.is_empty() {
        let customer: Uuid = sql::INSERT_STRIPE_CUSTOMER
            .bind(tenant)
            .bind(&links.customer_id)
            .bind(asked.settings.billing_tenant)
            .bind(request.admin_email.to_lowercase())
            .bind(&request.company_name)
            .bind(at)
            .one(conn)
            .await?
            .field("stripe_customer_id")?;
        if let (false, Some(price)) = (links.subscription_id.is_empty(), found.price) {
            write_subscription(conn, asked, (tenant, customer, price), found.base_price).await?;
        }
    }
    if let Some(iap) = &request.apple_iap {
        sql::INSERT_APPLE
            .bind(tenant)
            .bind(&iap.original_transaction_id)
            .bind(&iap.product_id)
            .bind(&iap.bundle_id)
            .bind(&iap.environment)
            .bind(&iap.app_account_token)
            .bind(&iap.latest_transaction_id)
            .bind(&iap.expires_at)
            .bind(&iap.original_purchase_at)
            .bind(at)
            .execute(conn)
            .await?;
    }
    if !request.addons.is_empty() {
        sql::INSERT_ADDONS.bind(tenant).bind(request.addons.clone()).bind(at).execute(conn).await?;
    }
    Ok(())
}

/// Asked once per process; see [`Asked::item_column`].
async fn has_item_column(conn: &mut PgConnection) -> Result<bool, TenantError> {
    let there: bool = sql::HAS_ITEM_COLUMN.plain().one(conn).await?.field("there")?;
    tracing::info!(there, "looked for the column stripe_subscriptions.stripe_subscription_item_id");
    Ok(there)
}

/// The item's id has a column only in some installations; without one it stands in the metadata.
async fn write_subscription(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    (tenant, customer, price): (Uuid, Uuid, Uuid),
    base_price: Option<Uuid>,
) -> Result<(), TenantError> {
    let request = asked.request;
    let links = request.stripe.clone().unwrap_or_default();
    let has_column = asked.item_column.get_or_try_init(|| has_item_column(conn)).await.copied()?;
    let item = Some(links.subscription_item_id.clone()).filter(|item| !item.is_empty());
    let metadata: Option<Value> =
        item.clone().filter(|_| !has_column).map(|item| json!({ "stripe_subscription_item_id": item }));
    let subscription: Uuid = sql::INSERT_SUBSCRIPTION
        .bind(tenant)
        .bind(&links.subscription_id)
        .bind(customer)
        .bind(price)
        .bind(i32::try_from(request.license_count.max(1)).unwrap_or(i32::MAX))
        .bind(micros(request.now_ms))
        .bind(Some(links.base_item_id.clone()).filter(|item| !item.is_empty()))
        .bind(base_price)
        .bind(metadata.map(Json))
        .one(conn)
        .await?
        .field("stripe_subscription_id")?;
    if let (true, Some(item)) = (has_column, item) {
        sql::SET_ITEM.bind(tenant).bind(subscription).bind(item).execute(conn).await?;
    }
    Ok(())
}
