//! The parts of Stripe's answers that are read (API version 2024-12-18.acacia).

use crate::address::BillingAddress;
use crate::ids::{CustomerId, PriceId, SubscriptionId, SubscriptionItemId};
use crate::items::SubscriptionItem;
use serde::Deserialize;

/// A checkout session, with `customer` and `subscription` expanded.
#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) customer: Option<Customer>,
    pub(crate) customer_details: Option<Contact>,
    pub(crate) subscription: Option<Subscription>,
}

/// A customer; one that was deleted has its id only.
#[derive(Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: CustomerId,
    #[serde(flatten)]
    pub(crate) contact: Contact,
}

/// Address and telephone number, of a session or of a customer.
#[derive(Default, Deserialize)]
pub(crate) struct Contact {
    address: Option<Address>,
    phone: Option<String>,
}

#[derive(Default, Deserialize)]
struct Address {
    line1: Option<String>,
    line2: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

/// A subscription, with the first page of its items.
#[derive(Deserialize)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) items: Items,
}

/// A page of items.
#[derive(Deserialize)]
pub(crate) struct Items {
    data: Vec<Item>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

#[derive(Deserialize)]
struct Item {
    id: SubscriptionItemId,
    price: Price,
    quantity: Option<u32>,
}

#[derive(Deserialize)]
struct Price {
    id: PriceId,
}

impl Items {
    pub(crate) fn into_items(self) -> Vec<SubscriptionItem> {
        let item = |Item { id, price, quantity }| SubscriptionItem { id, price: price.id, quantity };
        self.data.into_iter().map(item).collect()
    }
}

impl From<Contact> for BillingAddress {
    fn from(Contact { address, phone }: Contact) -> Self {
        let Address { line1, line2, city, state, postal_code, country } = address.unwrap_or_default();
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Self {
            line1: given(line1),
            line2: given(line2),
            city: given(city),
            state: given(state),
            postal_code: given(postal_code),
            country_code: given(country),
            phone: given(phone),
        }
    }
}
