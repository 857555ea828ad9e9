//! Why Stripe could not be used.

use crate::ids::{CheckoutSessionId, SubscriptionId};
use outbound::backoff::Backoff;
use outbound::{CallError, Repeat};
use rand::Rng;
use std::time::Duration;

/// Why a step with Stripe failed. Names ids only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BillingError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The checkout has no customer: it was not completed, or was made for a guest.
    #[error("cannot use checkout {session}: it has no customer")]
    NoCustomer {
        /// The checkout.
        session: CheckoutSessionId,
    },
    /// The subscription has no item.
    #[error("cannot use subscription {subscription}: it has no item")]
    NoItem {
        /// The subscription.
        subscription: SubscriptionId,
    },
    /// The subscription has more items than Stripe allows and one page holds.
    #[error("cannot use subscription {subscription}: it has more items than one page holds")]
    TooManyItems {
        /// The subscription.
        subscription: SubscriptionId,
    },
}

impl BillingError {
    /// What a repeat would do.
    pub const fn repeat(&self) -> Repeat {
        match self {
            Self::Call(error) => error.repeat(),
            Self::NoCustomer { .. } | Self::NoItem { .. } | Self::TooManyItems { .. } => Repeat::Useless,
        }
    }

    /// When to repeat, after the given attempt, counted from 1; `None`: never. See [`CallError::retry_in`].
    pub fn retry_in(&self, backoff: Backoff, attempt: u32, rng: &mut impl Rng) -> Option<Duration> {
        match self {
            Self::Call(error) => error.retry_in(backoff, attempt, rng),
            Self::NoCustomer { .. } | Self::NoItem { .. } | Self::TooManyItems { .. } => None,
        }
    }
}
