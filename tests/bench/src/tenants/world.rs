//! The stack of a benchmark of creations, and one creation as a caller sees it.

use super::outside::{Outside, PRICE};
use anyhow::{Context as _, ensure};
use harness::{Ended, Start, TenantRig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// Longest life of a creation here: it has failed by then.
const LIFE: Duration = Duration::from_secs(120);

/// Secrets of the worker: none opens anything.
const SECRETS: [(&str, &str); 4] = [
    ("STRIPE_SECRET_KEY", "sk_test_5f0e2c7b9a1d4e8f6b3c"),
    ("TEMPORAL_WEBHOOK_SECRET", "whsec-7c1d9e0b4f2a8365d1e7"),
    ("INTERNAL_API_SHARED_SECRET", "internal-2b9f4c6d8e1a7035c9"),
    ("RESEND_API_KEY", "re_8d3b6f1c9e5a2470b8d1"),
];

/// What is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Billed by hand: the outside is asked for the mail only.
    Manual,
    /// A paid checkout: every activity has something to do.
    Checkout,
}

impl Kind {
    /// Both, in the order in which they are measured.
    pub(crate) const ALL: [Self; 2] = [Self::Manual, Self::Checkout];

    /// The word for tables and ids.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Checkout => "checkout",
        }
    }
}

/// The stack, and what it talks to.
pub(crate) struct World {
    pub(crate) rig: TenantRig,
    pub(crate) outside: Outside,
    /// The vendor's own tenant.
    pub(crate) management_tenant: String,
}

impl World {
    /// Starts it: hashes of 10,000 rounds, mails through the scripted Resend.
    ///
    /// # Errors
    /// A part does not start; the error shows the end of its log.
    pub(crate) async fn start(name: &str) -> anyhow::Result<Self> {
        let outside = Outside::start().await?;
        let text = |text: &str| text.to_owned();
        let mut variables: Vec<(&str, String)> = ["STRIPE_API_URL", "NMSTORE_BASE_URL", "RESEND_API_URL"]
            .map(|name| (name, text(outside.base_url())))
            .to_vec();
        variables.extend(SECRETS.map(|(name, secret)| (name, text(secret))));
        variables.extend([
            ("EMAIL_PROVIDER", text("resend")),
            ("APPLICATION_URL", text("https://app.tenantry.test")),
            ("ITERATIONS", super::hashing::ITERATIONS.to_string()),
        ]);
        let rig = TenantRig::start(name, &variables).await?;
        let management_tenant = rig.environment.get("MANAGEMENT_TENANT_ID").cloned().context("no management tenant")?;
        let world = Self { rig, outside, management_tenant };
        world.prepare().await?;
        Ok(world)
    }

    /// The vendor's tenant and its price list.
    async fn prepare(&self) -> anyhow::Result<()> {
        let vendor = &self.management_tenant;
        self.rig
            .sql(&format!(
                "INSERT INTO tenants (tenant, client_name, email, created_at)
                   VALUES ('{vendor}', 'Vendor', 'vendor@tenantry.test', now());
                 WITH product AS (INSERT INTO stripe_products
                   (tenant, stripe_product_external_id, billing_tenant, name, product_type)
                   VALUES ('{vendor}', 'prod_bench', '{vendor}', 'alga-psa-pro', 'service') RETURNING stripe_product_id)
                 INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
                   SELECT '{vendor}', '{PRICE}', stripe_product_id, 4900 FROM product"
            ))
            .await
    }

    /// The worker's process.
    ///
    /// # Errors
    /// It does not run.
    pub(crate) fn worker(&self) -> anyhow::Result<i32> {
        let part = self.rig.stack.status().into_iter().find(|part| part.name == "worker");
        part.and_then(|part| part.pid).context("no worker")
    }

    /// The log of PostgreSQL.
    ///
    /// # Errors
    /// It does not run.
    pub(crate) fn database_log(&self) -> anyhow::Result<PathBuf> {
        let part = self.rig.stack.status().into_iter().find(|part| part.name == "postgres");
        Ok(part.context("no PostgreSQL")?.log)
    }

    /// Tenants beside the vendor's.
    ///
    /// # Errors
    /// The database refused.
    pub(crate) async fn tenants(&self) -> anyhow::Result<usize> {
        let vendor = &self.management_tenant;
        Ok(self.rig.ask(&format!("SELECT count(*)::text FROM tenants WHERE tenant <> '{vendor}'")).await?.parse()?)
    }

    /// Creates a tenant as callers do, on the product's queue; from the start to the result.
    ///
    /// # Errors
    /// It did not complete, or something of it was skipped.
    pub(crate) async fn create(&self, kind: Kind, word: &str) -> anyhow::Result<Duration> {
        let start = Start::creation(&input(kind, word));
        self.create_as(start, word).await
    }

    /// The same on another queue.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub(crate) async fn create_on(&self, queue: &str, kind: Kind, word: &str) -> anyhow::Result<Duration> {
        let start = Start { queue: queue.to_owned(), ..Start::creation(&input(kind, word)) };
        self.create_as(start, word).await
    }

    async fn create_as(&self, start: Start, word: &str) -> anyhow::Result<Duration> {
        let run = self.rig.run(&workflow_id(word));
        let begin = Instant::now();
        run.start(start).await?;
        let ended = run.ended(LIFE).await?;
        let took = begin.elapsed();
        let Ended::Completed(result) = ended else { anyhow::bail!("{word}: {ended:?}") };
        let whole = result["success"] == json!(true)
            && result["emailSent"] == json!(true)
            && result["customerContactId"].as_str().is_some_and(|id| !id.is_empty());
        ensure!(whole, "{word}: not everything was done");
        Ok(took)
    }

    /// Events and completed workflow tasks of a creation.
    ///
    /// # Errors
    /// Temporal refused.
    pub(crate) async fn history_size(&self, word: &str) -> anyhow::Result<(usize, usize)> {
        let history = self.rig.run(&workflow_id(word)).history().await?;
        let done = EventType::WorkflowTaskCompleted as i32;
        Ok((history.len(), history.iter().filter(|event| event.event_type == done).count()))
    }

    /// Ends the stack.
    ///
    /// # Errors
    /// A part did not end.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.rig.database.close().await;
        Ok(self.rig.stack.stop().await?)
    }
}

fn workflow_id(word: &str) -> String {
    format!("tenant-creation-{word}")
}

/// The smallest input of its kind. The word makes name, address and ids unique.
fn input(kind: Kind, word: &str) -> Value {
    let mut input = json!({
        "tenantName": format!("Tenant {word}"),
        "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": format!("{word}@customer.test") },
        "billingSource": "manual",
    });
    match kind {
        Kind::Manual => {}
        Kind::Checkout => {
            input["billingSource"] = json!("stripe");
            input["checkoutSessionId"] = json!(format!("cs_{word}"));
        }
    }
    input
}
