//! Stripe over HTTPS.

use crate::address::BillingAddress;
use crate::error::BillingError;
use crate::ids::{CheckoutSessionId, PriceId, SubscriptionId};
use crate::items::{SubscriptionItem, choose};
use crate::stripe::{BoughtItem, BoughtSubscription, CheckoutDetails, Stripe};
use crate::wire::{Items, Session, Subscription};
use async_trait::async_trait;
use outbound::{BaseUrl, Body, Call, Caller, Codes, HeaderValue, IdempotencyKey, Meaning, SecretFault, Want, bearer};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Version of the API that every call names (contract, section 8.3).
pub const API_VERSION: &str = "2024-12-18.acacia";
/// Base address of production.
pub const DEFAULT_BASE: &str = "https://api.stripe.com";

const SECRET_KEY: &str = "STRIPE_SECRET_KEY";

/// Longest value of metadata, in characters (Stripe API reference, "Metadata").
const METADATA_MAX_CHARS: usize = 500;
/// Items of one page: the most that a page can have (Stripe API reference, "Pagination"); a subscription has at most 20
/// (Stripe documentation, "Subscriptions with multiple products").
const PAGE_ITEMS: &str = "100";

/// Codes that somebody acts upon (Stripe API reference, "Errors"): those that pass, and those whose remedy differs.
const CODES: Codes = Codes {
    at: &["/error/code", "/error/type"],
    known: &[
        ("idempotency_key_in_use", Meaning::Passes),
        ("lock_timeout", Meaning::Passes),
        ("api_key_expired", Meaning::Final),
        ("idempotency_error", Meaning::Final),
        ("resource_missing", Meaning::Final),
        ("invalid_request_error", Meaning::Final),
    ],
};

/// How Stripe is used. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// [`DEFAULT_BASE`], or a server of a test.
    pub base: BaseUrl,
    /// `STRIPE_SECRET_KEY`.
    pub secret_key: SecretString,
    /// Prices that count users: the settings `STRIPE_*_PRICE_ID` (contract, section 2.1).
    pub per_user_prices: BTreeSet<PriceId>,
}

/// Stripe over HTTPS.
#[derive(Debug, Clone)]
pub struct StripeHttp {
    caller: Arc<Caller>,
    base: BaseUrl,
    authorization: HeaderValue,
    per_user_prices: BTreeSet<PriceId>,
}

impl StripeHttp {
    /// Takes the settings.
    ///
    /// # Errors
    /// [`SecretFault`]: the key is empty, or cannot be a header.
    pub fn new(caller: Arc<Caller>, settings: StripeSettings) -> Result<Self, SecretFault> {
        let StripeSettings { base, secret_key, per_user_prices } = settings;
        Ok(Self { caller, base, authorization: bearer(SECRET_KEY, &secret_key)?, per_user_prices })
    }

    fn dressed(&self, call: Call) -> Call {
        call.header("authorization", self.authorization.clone())
            .header("stripe-version", HeaderValue::from_static(API_VERSION))
            .codes(CODES)
    }

    /// All items of a subscription: those that came with it, or one full page of their own.
    async fn items(&self, subscription: &SubscriptionId, first: Items) -> Result<Vec<SubscriptionItem>, BillingError> {
        if !first.has_more {
            return Ok(first.into_items());
        }
        let query = [("subscription", subscription.as_str()), ("limit", PAGE_ITEMS)];
        let endpoint = self.base.endpoint(&["v1", "subscription_items"]).with_query(&query);
        let page: Items = self.caller.send(self.dressed(Call::get(endpoint))).await?.json()?;
        if page.has_more {
            return Err(BillingError::TooManyItems { subscription: subscription.clone() });
        }
        Ok(page.into_items())
    }

    async fn bought(&self, subscription: Subscription) -> Result<BoughtSubscription, BillingError> {
        let Subscription { id: subscription_id, items } = subscription;
        let items = self.items(&subscription_id, items).await?;
        let Some(chosen) = choose(&items, &self.per_user_prices) else {
            return Err(BillingError::NoItem { subscription: subscription_id });
        };
        Ok(BoughtSubscription {
            subscription_id,
            per_user: chosen.per_user.into(),
            base: chosen.base.map(BoughtItem::from),
            others: chosen.others.into_iter().map(BoughtItem::from).collect(),
            license_count: chosen.per_user.quantity.unwrap_or(1).max(1),
        })
    }
}

#[async_trait]
impl Stripe for StripeHttp {
    async fn checkout(&self, session: &CheckoutSessionId) -> Result<CheckoutDetails, BillingError> {
        let query = [("expand[]", "customer"), ("expand[]", "subscription")];
        let endpoint = self.base.endpoint(&["v1", "checkout", "sessions", session.as_str()]).with_query(&query);
        let read: Session = self.caller.send(self.dressed(Call::get(endpoint))).await?.json()?;
        let Some(customer) = read.customer else {
            return Err(BillingError::NoCustomer { session: session.clone() });
        };
        let given = read.customer_details.unwrap_or_default();
        let billing_address = BillingAddress::pick(given.into(), customer.contact.into());
        let subscription = match read.subscription {
            Some(subscription) => Some(self.bought(subscription).await?),
            None => None,
        };
        Ok(CheckoutDetails { customer_id: customer.id, subscription, billing_address })
    }

    async fn link_tenant(
        &self,
        subscription: &SubscriptionId,
        tenant_id: &str,
        tenant_name: &str,
        key: &IdempotencyKey,
    ) -> Result<(), BillingError> {
        let name: String = tenant_name.chars().take(METADATA_MAX_CHARS).collect();
        let body = Body::form(&[("metadata[tenant_id]", tenant_id), ("metadata[tenant_name]", &name)]);
        let endpoint = self.base.endpoint(&["v1", "subscriptions", subscription.as_str()]);
        self.caller.send(self.dressed(Call::post(endpoint, body, Want::Status)).key(key)).await?;
        Ok(())
    }
}
