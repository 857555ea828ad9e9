//! What tenant provisioning asks of Stripe.

use crate::address::BillingAddress;
use crate::error::BillingError;
use crate::ids::{CheckoutSessionId, CustomerId, PriceId, SubscriptionId, SubscriptionItemId};
use crate::items::SubscriptionItem;
use async_trait::async_trait;
use outbound::IdempotencyKey;

/// An item of a subscription, with its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoughtItem {
    /// Its id.
    pub item_id: SubscriptionItemId,
    /// Its price.
    pub price_id: PriceId,
}

impl From<&SubscriptionItem> for BoughtItem {
    fn from(item: &SubscriptionItem) -> Self {
        Self { item_id: item.id.clone(), price_id: item.price.clone() }
    }
}

/// The subscription that a checkout began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoughtSubscription {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// The item that counts users.
    pub per_user: BoughtItem,
    /// The item of the base fee.
    pub base: Option<BoughtItem>,
    /// Items that are neither, for a person to look at.
    pub others: Vec<BoughtItem>,
    /// Licensed users: the quantity of `per_user`, at least 1.
    pub license_count: u32,
}

/// What a checkout bought, and who pays. `Debug` shows ids and counts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutDetails {
    /// Who pays.
    pub customer_id: CustomerId,
    /// The subscription; none for a checkout of a single payment.
    pub subscription: Option<BoughtSubscription>,
    /// Where the customer is.
    pub billing_address: BillingAddress,
}

/// Stripe, as far as tenant provisioning needs it. One call is one attempt.
#[async_trait]
pub trait Stripe: Send + Sync {
    /// Reads what a checkout bought.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn checkout(&self, session: &CheckoutSessionId) -> Result<CheckoutDetails, BillingError>;

    /// Writes id and name of the tenant into the metadata of the subscription: `tenant_id`, `tenant_name`, the name cut to
    /// the 500 characters that Stripe keeps. Other metadata stay. Sets, so a repeat after any outcome is harmless; `key` is
    /// the same at each attempt with the same name.
    ///
    /// # Errors
    /// See [`BillingError`].
    async fn link_tenant(
        &self,
        subscription: &SubscriptionId,
        tenant_id: &str,
        tenant_name: &str,
        key: &IdempotencyKey,
    ) -> Result<(), BillingError>;
}
