//! Stripe: reading a checkout, and writing the tenant into the subscription.

use crate::failure::{final_failure, of_billing};
use crate::settings::Outside;
use ::billing::{CheckoutDetails, CheckoutSessionId, SubscriptionId};
use model::tenant::failure::FailureType;
use outbound::IdempotencyKey;
use proto::v1 as wire;
use temporalio_sdk::activities::ActivityError;

/// Reads what a checkout bought.
pub(crate) async fn fetch(
    outside: &Outside,
    request: &wire::FetchStripeDetailsRequest,
    attempt: u32,
) -> Result<wire::StripeDetails, ActivityError> {
    let Some(stripe) = &outside.stripe else {
        let text = "STRIPE_SECRET_KEY: is needed to read a checkout; set it, then start again";
        return Err(final_failure(FailureType::Configuration, text, None));
    };
    let session = CheckoutSessionId::try_from(request.checkout_session_id.as_str())
        .map_err(|_| final_failure(FailureType::Validation, "checkoutSessionId: BAD_FORM", None))?;
    let details = stripe.checkout(&session).await.map_err(|error| of_billing(&error, &session, attempt))?;
    Ok(to_wire(&details))
}

/// A paying tenant needs the key that its subscription is worked with (contract, section 2.1): told before anything is written.
pub(crate) fn check(outside: &Outside, request: &wire::CreateTenantRequest) -> Result<(), ActivityError> {
    let paid = request.stripe.as_ref().is_some_and(|links| !links.customer_id.is_empty());
    if paid && outside.stripe.is_none() {
        let text = "STRIPE_SECRET_KEY: is needed as soon as a Stripe customer is given; set it, then start again";
        return Err(final_failure(FailureType::Configuration, text, None));
    }
    Ok(())
}

fn to_wire(details: &CheckoutDetails) -> wire::StripeDetails {
    let mut links = wire::StripeLinks { customer_id: details.customer_id.to_string(), ..Default::default() };
    let mut license_count = 0;
    if let Some(bought) = &details.subscription {
        links.subscription_id = bought.subscription_id.to_string();
        links.subscription_item_id = bought.per_user.item_id.to_string();
        links.price_id = bought.per_user.price_id.to_string();
        if let Some(base) = &bought.base {
            links.base_item_id = base.item_id.to_string();
            links.base_price_id = base.price_id.to_string();
        }
        license_count = bought.license_count;
    }
    let address = details.billing_address.clone();
    wire::StripeDetails {
        links: Some(links),
        license_count,
        billing_address: Some(wire::BillingAddress {
            line1: address.line1.unwrap_or_default(),
            line2: address.line2.unwrap_or_default(),
            city: address.city.unwrap_or_default(),
            state: address.state.unwrap_or_default(),
            postal_code: address.postal_code.unwrap_or_default(),
            country_code: address.country_code.unwrap_or_default(),
            phone: address.phone.unwrap_or_default(),
        }),
    }
}

/// Writes the tenant into the subscription's metadata. For people who look at Stripe only: a failure is said and forgotten.
pub(crate) async fn link(outside: &Outside, request: &wire::CreateTenantRequest, reply: &wire::CreateTenantReply) {
    let subscription = request.stripe.as_ref().map(|links| links.subscription_id.as_str()).unwrap_or_default();
    let (Some(stripe), Ok(id)) = (&outside.stripe, SubscriptionId::try_from(subscription)) else { return };
    let key = IdempotencyKey::new(&format!("{}/createTenant/metadata", reply.origin_id));
    if let Err(error) = stripe.link_tenant(&id, &reply.tenant_id, &request.company_name, &key).await {
        tracing::warn!(tenant.id = %reply.tenant_id, "the subscription's metadata do not name tenant {}: {error}", reply.tenant_id);
    }
}
