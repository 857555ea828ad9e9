//! One creation under test, with a name of its own by which everything of it is found.

use crate::world::{PRICE, World};
use contract::names;
use harness::{CreationRun, Ended, Start};
use model::tenant::product::Product;
use outbound::testkit::{Answer, Page};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Longest life of a creation in these tests: a lost worker costs 10 s, a breaker of a host 30 s.
pub(crate) const LIFE: Duration = Duration::from_secs(150);

/// A creation.
#[derive(Clone)]
pub(crate) struct Cell {
    /// Unique word: letters and digits.
    pub(crate) word: String,
    /// Name of the tenant.
    pub(crate) name: String,
    /// The administrator's address.
    pub(crate) email: String,
    pub(crate) product: Product,
    /// What is sent.
    pub(crate) input: Value,
    pub(crate) run: CreationRun,
    pub(crate) workflow: &'static str,
    /// Task queue of the run.
    pub(crate) queue: String,
    pub(crate) run_timeout: Duration,
}

impl Cell {
    /// The smallest input, under a random workflow id as existing callers make it. No mail and no vendor's record is skipped.
    pub(crate) fn new(world: &World, label: &str) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        let word: String = format!("{label}{}", &random[..8]).chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("Tenant {word}");
        let email = format!("{}@customer.test", word.to_lowercase());
        let run = world.rig.run(&format!("tenant-creation-{word}"));
        let input = json!({
            "tenantName": name,
            "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": email },
            "billingSource": "manual",
        });
        let workflow = names::TENANT_CREATION_WORKFLOW;
        let queue = names::TENANT_QUEUE.to_owned();
        let run_timeout = Duration::from_secs(1800);
        Self { word, name, email, product: Product::Psa, input, run, workflow, queue, run_timeout }
    }

    /// A paid checkout: every activity has something to do.
    pub(crate) fn bought(world: &World, label: &str) -> Self {
        let mut cell = Self::new(world, label);
        cell.input["billingSource"] = json!("stripe");
        cell.input["checkoutSessionId"] = json!(cell.checkout());
        world.stripe.always(&cell.checkout_path(), Answer::Page(cell.session(PRICE)));
        world.stripe.always(&format!("/v1/subscriptions/sub_{}", cell.word), Answer::json(200, &json!({})));
        cell
    }

    /// The help-desk product, by its own workflow.
    pub(crate) fn algadesk(mut self) -> Self {
        self.product = Product::Algadesk;
        self.workflow = names::ALGADESK_TENANT_CREATION_WORKFLOW;
        self
    }

    /// Another field of the input.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.input[field] = value;
        self
    }

    /// The checkout session.
    pub(crate) fn checkout(&self) -> String {
        format!("cs_{}", self.word)
    }

    /// Where Stripe is asked for the session.
    pub(crate) fn checkout_path(&self) -> String {
        format!("/v1/checkout/sessions/{}", self.checkout())
    }

    /// Stripe's answer: three licences at a price.
    pub(crate) fn session(&self, price: &str) -> Page {
        let word = &self.word;
        let item = json!({ "id": format!("si_{word}"), "price": { "id": price }, "quantity": 3 });
        let address = json!({ "line1": "1 Sample Street", "city": "Sampleton", "country": "GB" });
        Page::json(
            200,
            &json!({
                "id": self.checkout(),
                "customer": { "id": format!("cus_{word}") },
                "customer_details": { "address": address, "phone": "+44 20 7946 0000" },
                "subscription": { "id": format!("sub_{word}"), "items": { "data": [item], "has_more": false } },
            }),
        )
    }

    /// Whether the shop hears of it.
    pub(crate) fn has_checkout(&self) -> bool {
        self.input["checkoutSessionId"].is_string()
    }

    /// Whether a subscription at Stripe belongs to it.
    pub(crate) fn is_paid(&self) -> bool {
        self.has_checkout() || self.input["stripeSubscriptionId"].is_string()
    }

    /// Whether an operator gave the password.
    pub(crate) fn password(&self) -> Option<&str> {
        self.input["adminUser"]["password"].as_str()
    }

    /// Whether a flag of the input is set.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.input[field] == json!(true)
    }

    /// Starts it.
    pub(crate) async fn start(&self) -> anyhow::Result<()> {
        let start = Start { workflow: self.workflow, queue: self.queue.clone(), ..Start::creation(&self.input) };
        self.run.start(Start { run_timeout: self.run_timeout, ..start }).await
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> anyhow::Result<Ended> {
        self.run.ended(LIFE).await
    }
}
