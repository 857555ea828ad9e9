//! Everything around the creations: the stack, and the systems outside as scripted servers.

use anyhow::Context as _;
use credentials::{PasswordHasher, PasswordParams};
use devstack::{Condition, MANAGEMENT_TENANT};
use harness::TenantRig;
use outbound::testkit::{Answer, Page, Recorded, ScriptedServer};
use secrecy::SecretString;
use serde_json::json;

/// Secrets of the worker. Each is long enough to be searched for.
pub(crate) const STRIPE_KEY: &str = "sk_test_5f0e2c7b9a1d4e8f6b3c";
pub(crate) const WEBHOOK_SECRET: &str = "whsec-7c1d9e0b4f2a8365d1e7";
pub(crate) const INTERNAL_SECRET: &str = "internal-2b9f4c6d8e1a7035c9";
pub(crate) const RESEND_KEY: &str = "re_8d3b6f1c9e5a2470b8d1";

/// Price that the billing tenant knows.
pub(crate) const PRICE: &str = "price_known";

/// Paths of the shop and of the provider of mail (contract, section 8).
pub(crate) const STATUS_PATH: &str = "/api/internal/checkout-session-status";
pub(crate) const CALLBACK_PATH: &str = "/api/webhooks/temporal";
pub(crate) const MAIL_PATH: &str = "/emails";

/// The stack and what it talks to.
pub(crate) struct World {
    pub(crate) rig: TenantRig,
    pub(crate) stripe: ScriptedServer,
    pub(crate) shop: ScriptedServer,
    pub(crate) mail: ScriptedServer,
    /// Verifies as the application does.
    pub(crate) hasher: PasswordHasher,
}

/// What the provider answers to a mail that it takes.
pub(crate) fn mail_taken() -> Page {
    Page::json(200, &json!({ "id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c" }))
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (stripe, shop, mail) =
            (ScriptedServer::start().await, ScriptedServer::start().await, ScriptedServer::start().await);
        let variables = [
            ("STRIPE_API_URL", stripe.base_url()),
            ("STRIPE_SECRET_KEY", STRIPE_KEY.to_owned()),
            ("NMSTORE_BASE_URL", shop.base_url()),
            ("TEMPORAL_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("INTERNAL_API_SHARED_SECRET", INTERNAL_SECRET.to_owned()),
            ("EMAIL_PROVIDER", "resend".to_owned()),
            ("RESEND_API_URL", mail.base_url()),
            ("RESEND_API_KEY", RESEND_KEY.to_owned()),
            ("MASTER_BILLING_TENANT_ID", MANAGEMENT_TENANT.to_owned()),
            ("APPLICATION_URL", "https://app.tenantry.test".to_owned()),
            ("LOG_LEVEL", "debug".to_owned()),
            ("TENANTRY_DRAIN_SECONDS", "10".to_owned()),
            // Every activity of a matrix is held at the same time.
            ("MAX_CONCURRENT_ACTIVITIES", "20".to_owned()),
        ];
        let rig = TenantRig::start("tenants", &variables).await?;
        let pepper = rig.environment.get("NEXTAUTH_SECRET").cloned().context("the stack has no NEXTAUTH_SECRET")?;
        let hasher = PasswordHasher::new(PasswordParams::default(), SecretString::from(pepper))?;
        let world = Self { rig, stripe, shop, mail, hasher };
        world.prepare().await?;
        Ok(world)
    }

    /// The vendor's tenant, its price list, and the places where a test can hold a step.
    async fn prepare(&self) -> anyhow::Result<()> {
        self.rig
            .sql(&format!(
                "INSERT INTO tenants (tenant, client_name, email, created_at)
                   VALUES ('{MANAGEMENT_TENANT}', 'Vendor', 'vendor@tenantry.test', now());
                 WITH product AS (INSERT INTO stripe_products
                   (tenant, stripe_product_external_id, billing_tenant, name, product_type)
                   VALUES ('{MANAGEMENT_TENANT}', 'prod_known', '{MANAGEMENT_TENANT}', 'alga-psa-pro', 'service')
                   RETURNING stripe_product_id)
                 INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
                   SELECT '{MANAGEMENT_TENANT}', '{PRICE}', stripe_product_id, 4900 FROM product"
            ))
            .await?;
        self.outside_well();
        crate::holds::prepare(self).await
    }

    /// Shop and mail answer as they do on a good day.
    pub(crate) fn outside_well(&self) {
        self.shop.always(STATUS_PATH, Answer::status(200));
        self.shop.always(CALLBACK_PATH, Answer::status(200));
        self.mail.always(MAIL_PATH, Answer::Page(mail_taken()));
    }

    /// Puts everything right that an earlier test may have left broken: the next one begins well.
    pub(crate) async fn all_well(&self) -> anyhow::Result<()> {
        self.outside_well();
        for part in self.rig.stack.status() {
            let ours = matches!(part.name.as_str(), "temporal" | "postgres" | "mail" | "worker");
            match part.condition {
                Condition::Stopped | Condition::Gone if ours => self.rig.stack.start_part(&part.name).await?,
                Condition::Running if part.name.starts_with("worker-") => self.rig.stack.stop_part(&part.name).await?,
                Condition::Running | Condition::Stopped | Condition::Gone => {}
            }
        }
        Ok(())
    }

    /// Mails that the provider was asked to send to an address: the idempotency key and the whole request of each.
    pub(crate) fn mails_to(&self, address: &str) -> Vec<Recorded> {
        let wanted =
            |request: &Recorded| request.json::<serde_json::Value>().is_some_and(|body| body["to"] == json!([address]));
        self.mail.requests_to(MAIL_PATH).into_iter().filter(wanted).collect()
    }
}
