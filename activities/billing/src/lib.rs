//! Stripe: only the calls that tenant provisioning makes (contract, sections 4.1 and 8.3).
//!
//! What a checkout bought is read by ids alone; names and addresses are carried, never matched (R25).

mod address;
mod error;
mod ids;
mod items;

mod http;
mod stripe;
mod wire;

pub use address::BillingAddress;
pub use error::BillingError;
pub use http::{API_VERSION, DEFAULT_BASE, StripeHttp, StripeSettings};
pub use ids::{CheckoutSessionId, CustomerId, IdFault, PriceId, SubscriptionId, SubscriptionItemId};
pub use items::{Chosen, SubscriptionItem, choose};
pub use stripe::{BoughtItem, BoughtSubscription, CheckoutDetails, Stripe};
