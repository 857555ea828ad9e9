//! A checked request as an input again, for a successor: what validation read, and nothing else.

use super::{AppleIap, BillingAddress, GivenPassword, NewTenant};
use serde_json::{Map, Value};

impl NewTenant {
    /// The request as the input of a creation, without an operator's password and its hash, and whether one was left out.
    ///
    /// Reading it again gives the same request: members that nobody reads, and blanks around texts, are gone, so that it is
    /// never longer than what was checked.
    pub fn carried(&self) -> (Value, bool) {
        let mut top = Map::new();
        text(&mut top, "tenantName", &self.company_name);
        text(&mut top, "clientName", &self.client_name);
        text(&mut top, "tenantId", self.tenant_id.as_deref().unwrap_or_default());
        text(&mut top, "contractLine", &self.contract_line);
        text(&mut top, "emailProvider", self.email_provider.map_or("", |word| word.as_str()));
        text(&mut top, "plan", self.plan.map_or("", |word| word.as_str()));
        text(&mut top, "productCode", self.product.as_str());
        text(&mut top, "billingSource", self.billing_source.as_str());
        text(&mut top, "checkoutSessionId", &self.checkout_session_id);
        let stripe = &self.stripe;
        text(&mut top, "stripeCustomerId", &stripe.customer);
        text(&mut top, "stripeSubscriptionId", &stripe.subscription);
        text(&mut top, "stripeSubscriptionItemId", &stripe.subscription_item);
        text(&mut top, "stripePriceId", &stripe.price);
        text(&mut top, "stripeBaseItemId", &stripe.base_item);
        text(&mut top, "stripeBasePriceId", &stripe.base_price);
        if let Some(count) = self.license_count {
            top.insert("licenseCount".to_owned(), count.into());
        }
        if !self.addons.is_empty() {
            top.insert("addons".to_owned(), self.addons.clone().into());
        }
        for (field, flag) in
            [("skipCustomerTracking", self.skip_customer_tracking), ("skipWelcomeEmail", self.skip_welcome_email)]
        {
            if flag {
                top.insert(field.to_owned(), flag.into());
            }
        }
        let (admin, withheld) = self.admin();
        part(&mut top, "adminUser", admin);
        part(&mut top, "appleIap", self.apple_iap.as_ref().map(apple).unwrap_or_default());
        part(&mut top, "billingAddress", address(&self.billing_address));
        (Value::Object(top), withheld)
    }

    fn admin(&self) -> (Map<String, Value>, bool) {
        let mut admin = Map::new();
        text(&mut admin, "firstName", &self.admin.first_name);
        text(&mut admin, "lastName", &self.admin.last_name);
        text(&mut admin, "email", &self.admin.email);
        let withheld = match &self.admin.password {
            GivenPassword::None => false,
            GivenPassword::Text(_) | GivenPassword::Hash(_) => true,
            GivenPassword::Reference(name) => {
                text(&mut admin, "passwordRef", name);
                false
            }
        };
        (admin, withheld)
    }
}

fn apple(iap: &AppleIap) -> Map<String, Value> {
    let mut object = Map::new();
    text(&mut object, "originalTransactionId", &iap.original_transaction_id);
    text(&mut object, "productId", &iap.product_id);
    text(&mut object, "bundleId", &iap.bundle_id);
    text(&mut object, "environment", &iap.environment);
    text(&mut object, "appAccountToken", &iap.app_account_token);
    text(&mut object, "latestTransactionId", &iap.latest_transaction_id);
    text(&mut object, "expiresAt", &iap.expires_at);
    text(&mut object, "originalPurchaseAt", &iap.original_purchase_at);
    object
}

fn address(given: &BillingAddress) -> Map<String, Value> {
    let mut object = Map::new();
    text(&mut object, "line1", &given.line1);
    text(&mut object, "line2", &given.line2);
    text(&mut object, "city", &given.city);
    text(&mut object, "state", &given.state);
    text(&mut object, "postalCode", &given.postal_code);
    text(&mut object, "countryCode", &given.country_code);
    text(&mut object, "phone", &given.phone);
    object
}

fn text(object: &mut Map<String, Value>, field: &str, text: &str) {
    if !text.is_empty() {
        object.insert(field.to_owned(), text.into());
    }
}

fn part(object: &mut Map<String, Value>, field: &str, part: Map<String, Value>) {
    if !part.is_empty() {
        object.insert(field.to_owned(), Value::Object(part));
    }
}
