//! From a checked request for a tenant to the inputs of the activities.

use model::tenant::input::{AppleIap, BillingAddress, GivenPassword, NewAdmin, NewTenant, StripeIds};
use proto::v1 as wire;
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// Input of `createTenant`. What Stripe said beats what the caller gave; key base, times and ids are the caller's to add.
pub fn create_tenant(tenant: &NewTenant, stripe: Option<&wire::StripeDetails>) -> wire::CreateTenantRequest {
    let given = &tenant.billing_address;
    let read = stripe.and_then(|details| details.billing_address.clone());
    let address = if *given == BillingAddress::default() { read } else { None };
    wire::CreateTenantRequest {
        tenant_id: tenant.tenant_id.clone().unwrap_or_default(),
        company_name: tenant.company_name.clone(),
        client_name: tenant.client_name.clone(),
        admin_email: tenant.admin.email.clone(),
        license_count: stripe.map_or_else(|| tenant.license_count.unwrap_or(0), |details| details.license_count),
        plan: tenant.plan.map(|plan| plan.as_str().to_owned()).unwrap_or_default(),
        product_code: tenant.product.as_str().to_owned(),
        billing_source: tenant.billing_source.as_str().to_owned(),
        stripe: Some(stripe.and_then(|details| details.links.clone()).unwrap_or_else(|| links(&tenant.stripe))),
        apple_iap: tenant.apple_iap.as_ref().map(apple),
        billing_address: Some(address.unwrap_or_else(|| billing_address(given))),
        addons: tenant.addons.clone(),
        checkout_session_id: tenant.checkout_session_id.clone(),
        ..wire::CreateTenantRequest::default()
    }
}

/// Input of `createAdminUser`: the one place but the start input where a password of the legacy form stands.
pub fn create_admin(admin: &NewAdmin) -> wire::CreateAdminUserRequest {
    let mut request = wire::CreateAdminUserRequest {
        first_name: admin.first_name.clone(),
        last_name: admin.last_name.clone(),
        email: admin.email.clone(),
        ..wire::CreateAdminUserRequest::default()
    };
    match &admin.password {
        GivenPassword::None => {}
        GivenPassword::Text(text) => text.expose_secret().clone_into(&mut request.password),
        GivenPassword::Hash(hash) => request.password_hash.clone_from(hash),
        GivenPassword::Reference(name) => request.password_ref.clone_from(name),
    }
    request
}

/// The start input as JSON text without the administrator's password, and whether one was taken out.
pub fn without_password(input: &Value) -> (String, bool) {
    let mut input = input.clone();
    let admin = input.get_mut("adminUser").and_then(Value::as_object_mut);
    let taken = admin.and_then(|admin| admin.remove("password")).is_some_and(|password| !password.is_null());
    (input.to_string(), taken)
}

fn links(ids: &StripeIds) -> wire::StripeLinks {
    wire::StripeLinks {
        customer_id: ids.customer.clone(),
        subscription_id: ids.subscription.clone(),
        subscription_item_id: ids.subscription_item.clone(),
        price_id: ids.price.clone(),
        base_item_id: ids.base_item.clone(),
        base_price_id: ids.base_price.clone(),
    }
}

fn apple(iap: &AppleIap) -> wire::AppleIap {
    wire::AppleIap {
        original_transaction_id: iap.original_transaction_id.clone(),
        product_id: iap.product_id.clone(),
        bundle_id: iap.bundle_id.clone(),
        environment: iap.environment.clone(),
        app_account_token: iap.app_account_token.clone(),
        latest_transaction_id: iap.latest_transaction_id.clone(),
        expires_at: iap.expires_at.clone(),
        original_purchase_at: iap.original_purchase_at.clone(),
    }
}

fn billing_address(address: &BillingAddress) -> wire::BillingAddress {
    wire::BillingAddress {
        line1: address.line1.clone(),
        line2: address.line2.clone(),
        city: address.city.clone(),
        state: address.state.clone(),
        postal_code: address.postal_code.clone(),
        country_code: address.country_code.clone(),
        phone: address.phone.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_successor_gets_no_password() {
        let input = json!({ "tenantName": "Acme", "adminUser": { "email": "a@b.c", "password": "canary" } });
        let (text, taken) = without_password(&input);
        assert!(taken && !text.contains("canary") && text.contains("a@b.c"), "{text}");
        assert!(!without_password(&json!({ "adminUser": { "password": null } })).1);
        assert!(!without_password(&json!("no object")).1);
    }
}
