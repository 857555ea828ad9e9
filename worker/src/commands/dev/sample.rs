//! The sample tenant and its domain, as the vendor's shop and the web application order them.

use crate::clients::database;
use crate::clients::portal_runs::{Announcement, Trigger};
use crate::commands::domain::{Domains, Whose};
use crate::commands::tenant::{self, Followed};
use crate::config::{ClientSettings, Role, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use dns_server::Config;
use model::tenant::names::{Purchase, creation_workflow_id};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use store::Registered;
use uuid::{Uuid, uuid};

/// The sample tenant. Its canonical host begins with the first seven characters.
pub(super) const TENANT: Uuid = uuid!("7e9a2c41-5b0d-4c6e-9f3a-2d1b8c7e6f50");

/// Longest creation of the sample tenant.
const CREATED_WITHIN: Duration = Duration::from_secs(60);

/// The sample tenant's own host name.
pub(super) const HOST: &str = "portal.acme-customer.test";

/// Creates the sample tenant as the vendor's shop would: through the workflow. A second time finds the first.
///
/// # Errors
/// The database or Temporal does not answer, or the creation does not complete.
pub(super) async fn tenant(source: &Source, tell: impl FnMut(&str)) -> Result<(), Failure> {
    management(source).await?;
    let input = json!({
        "tenantId": TENANT,
        "tenantName": "Acme (sample)",
        "adminUser": { "firstName": "Ada", "lastName": "Sample", "email": "owner@acme-customer.test" },
        "productCode": "psa",
        "billingSource": "manual",
        "licenseCount": 5,
        "billingAddress": { "line1": "1 Sample Street", "city": "Sampleton", "countryCode": "GB" },
    });
    let id = creation_workflow_id(&Purchase::Minted(&TENANT.to_string()));
    let runs = tenant::runs(source).await?;
    tenant::start(&runs, &id, &input).await?;
    let mut tell = tell;
    match tenant::follow(&runs, &id, Some(CREATED_WITHIN), |seen| tell(&tenant::line(seen))).await? {
        Followed::Completed(_) => Ok(()),
        other @ (Followed::Failed { .. } | Followed::Waiting(_) | Followed::TimedOut) => {
            Err(tenant::not_completed(&id, &other))
        }
    }
}

/// The vendor's own tenant, in which customers are recorded.
async fn management(source: &Source) -> Result<(), Failure> {
    let settings = ClientSettings::parse(source, &[Role::Admin]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let pool = database::pool(&settings.database, Role::Admin).await?;
    sqlx::query("insert into tenants (tenant, client_name, email, created_at) values ($1::uuid, $2, $3, now()) on conflict do nothing")
        .persistent(false)
        .bind(devstack::MANAGEMENT_TENANT)
        .bind("Vendor (sample)")
        .bind("vendor@tenantry.test")
        .execute(&pool)
        .await
        .or_exit(Exit::Unreachable, "could not write the sample vendor")?;
    // The price list, so that a paid checkout can be linked.
    sqlx::query(
        "with product as (insert into stripe_products (tenant, stripe_product_external_id, billing_tenant, name, product_type)
           select $1::uuid, 'prod_sample', $1::uuid, 'alga-psa-pro', 'service'
           where not exists (select 1 from stripe_products where tenant = $1::uuid) returning stripe_product_id)
         insert into stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
         select $1::uuid, $2, stripe_product_id, 4900 from product",
    )
    .persistent(false)
    .bind(devstack::MANAGEMENT_TENANT)
    .bind(devstack::SAMPLE_PRICE)
    .execute(&pool)
    .await
    .or_exit(Exit::Unreachable, "could not write the sample price list")?;
    Ok(())
}

/// A domain that was registered, and the way to follow it.
pub(super) struct Sample {
    /// Runs and rows.
    pub(super) domains: Domains,
    /// The row.
    pub(super) row: Registered,
}

impl Sample {
    /// Whose domain it is.
    pub(super) const fn whose(&self) -> Whose {
        Whose { tenant: TENANT, domain_id: Some(self.row.portal_domain_id) }
    }
}

/// Publishes the record that leads the sample host here; answers its target, the tenant's canonical host.
///
/// # Errors
/// The sample zone cannot be edited.
pub(super) fn point_here(source: &Source) -> Result<String, Failure> {
    let canonical = store::canonical_host(&TENANT.to_string(), source.value("NEXTAUTH_URL"));
    if let Some(path) = source.value("TENANTRY_DEV_DNS") {
        let zones = Config::read(Path::new(path)).or_exit(Exit::NotFound, "could not read the sample zones")?;
        dns_server::edit::set(&zones, HOST, "CNAME", &canonical)
            .or_exit(Exit::Refused, "could not edit the sample zone")?;
    }
    Ok(canonical)
}

/// Publishes the record, writes the row and starts the run: what a tenant and the web application do.
///
/// # Errors
/// The database or Temporal does not answer.
pub(super) async fn domain(source: &Source) -> Result<Sample, Failure> {
    let canonical = point_here(source)?;
    let domains = Box::pin(Domains::connect_to_act(source)).await?;
    let row = store::register(domains.application()?, TENANT, HOST, &canonical)
        .await
        .map_err(|error| Failure::of(Exit::Refused, error))?;
    let announcement = Announcement {
        tenant_id: row.tenant_id.to_string(),
        portal_domain_id: row.portal_domain_id.to_string(),
        trigger: Trigger::Register,
    };
    domains.runs()?.announce(&announcement).await?;
    Ok(Sample { domains, row })
}
