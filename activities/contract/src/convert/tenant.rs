//! From a checked request for a tenant to the inputs of the activities.

use model::tenant::input::{AppleIap, BillingAddress, GivenPassword, NewAdmin, NewTenant, StripeIds};
use proto::v1 as wire;
use secrecy::ExposeSecret as _;

/// What was bought cannot be told from what Stripe and the caller say. Names fields, never ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BillingConflict {
    /// Both name a subscription, and they differ.
    #[error("checkoutSessionId, stripeSubscriptionId: name different subscriptions; start again with one of them")]
    Subscriptions,
    /// The caller's subscription counts, and its price is not given.
    #[error("stripePriceId: is needed with stripeSubscriptionId, because the checkout has no subscription")]
    NoPrice,
}

/// Input of `createTenant`. What Stripe said beats what the caller gave; a checkout without a subscription leaves the caller's
/// own. Key base, times and ids are the caller's to add.
///
/// # Errors
/// [`BillingConflict`]: a tenant must not be linked to the wrong subscription, and not stay unlinked.
pub fn create_tenant(
    tenant: &NewTenant,
    stripe: Option<&wire::StripeDetails>,
) -> Result<wire::CreateTenantRequest, BillingConflict> {
    let given = &tenant.billing_address;
    let read = stripe.and_then(|details| details.billing_address.clone());
    let address = if *given == BillingAddress::default() { read } else { None };
    let own_count = tenant.license_count.unwrap_or(0);
    let bought = stripe.and_then(|details| details.links.as_ref()).filter(|links| !links.subscription_id.is_empty());
    let own = &tenant.stripe;
    let (links, license_count) = match (stripe, bought) {
        (None, _) => (links(own), own_count),
        (Some(_), Some(bought)) if !own.subscription.is_empty() && own.subscription != bought.subscription_id => {
            return Err(BillingConflict::Subscriptions);
        }
        (Some(details), Some(bought)) => (bought.clone(), details.license_count),
        (Some(_), None) if !own.subscription.is_empty() && own.price.is_empty() => {
            return Err(BillingConflict::NoPrice);
        }
        (Some(details), None) => {
            let customer = details.links.as_ref().map(|links| links.customer_id.clone()).unwrap_or_default();
            let links = wire::StripeLinks { customer_id: customer, ..links(own) };
            (links, if own_count > 0 { own_count } else { details.license_count })
        }
    };
    let (salt, hash) = match &tenant.admin.password {
        GivenPassword::Hash(text) => text.split_once(':').unwrap_or_default(),
        GivenPassword::None | GivenPassword::Text(_) | GivenPassword::Reference(_) => ("", ""),
    };
    let chars = |part: &str| u32::try_from(part.len()).unwrap_or(u32::MAX);
    Ok(wire::CreateTenantRequest {
        tenant_id: tenant.tenant_id.clone().unwrap_or_default(),
        company_name: tenant.company_name.clone(),
        client_name: tenant.client_name.clone(),
        admin_email: tenant.admin.email.clone(),
        license_count,
        plan: tenant.plan.map(|plan| plan.as_str().to_owned()).unwrap_or_default(),
        product_code: tenant.product.as_str().to_owned(),
        billing_source: tenant.billing_source.as_str().to_owned(),
        stripe: Some(links),
        apple_iap: tenant.apple_iap.as_ref().map(apple),
        billing_address: Some(address.unwrap_or_else(|| billing_address(given))),
        addons: tenant.addons.clone(),
        checkout_session_id: tenant.checkout_session_id.clone(),
        password_salt_chars: chars(salt),
        password_hash_chars: chars(hash),
        ..wire::CreateTenantRequest::default()
    })
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
    use serde_json::{Value, json};

    fn bought(own: Value, checkout: Option<&str>) -> Result<(String, String, u32), BillingConflict> {
        let mut input = json!({ "tenantName": "Acme", "checkoutSessionId": "cs_1", "licenseCount": 7,
            "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": "a@b.c" } });
        for (field, value) in own.as_object().unwrap() {
            input[field] = value.clone();
        }
        let tenant = model::tenant::input::parse(&input, None).unwrap();
        let links = wire::StripeLinks {
            customer_id: "cus_1".to_owned(),
            subscription_id: checkout.unwrap_or_default().to_owned(),
            ..wire::StripeLinks::default()
        };
        let details = wire::StripeDetails { links: Some(links), license_count: 3, billing_address: None };
        let request = create_tenant(&tenant, Some(&details))?;
        let links = request.stripe.unwrap();
        Ok((links.customer_id, links.subscription_id, request.license_count))
    }

    #[test]
    fn a_checkout_without_a_subscription_leaves_the_callers() {
        let own = json!({ "stripeSubscriptionId": "sub_own", "stripePriceId": "price_own" });
        let of = |subscription: &str, count| Ok(("cus_1".to_owned(), subscription.to_owned(), count));
        assert_eq!(bought(own.clone(), None), of("sub_own", 7));
        assert_eq!(bought(own.clone(), Some("sub_own")), of("sub_own", 3));
        assert_eq!(bought(json!({}), Some("sub_bought")), of("sub_bought", 3));
        assert_eq!(bought(json!({}), None), of("", 7));
        assert_eq!(bought(own, Some("sub_bought")), Err(BillingConflict::Subscriptions));
        assert_eq!(bought(json!({ "stripeSubscriptionId": "sub_own" }), None), Err(BillingConflict::NoPrice));
    }
}
