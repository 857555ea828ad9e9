//! Which workflows and activities a queue has. The one place that names them; replay registers the same workflows.

use crate::clients::portal_runs::PortalRuns;
use crate::clients::rotation::Live;
use crate::clients::{cluster, database, licensing as license_clients, outside, tenancy as tenant_clients};
use crate::config::{PortalSettings, Queue, QueueRole, Role, WorkerSettings};
use crate::exit::Failure;
use crate::wake::WakeActivities;
use ::cluster::ClusterActivities;
use ::licensing::{ApplianceActivities, LicensingCounters, MailParts, RegistryActivities, Site};
use proto::v1::RunSettings;
use record::RecordActivities;
use sqlx::PgPool;
use std::sync::Arc;
use store::StoreActivities;
use store::tenant::TenantStore;
use temporalio_client::Client;
use temporalio_sdk::WorkerOptions;
use temporalio_sdk::workflow_replayer::WorkflowReplayerOptions;
use tenancy::{Secrets, TenancyActivities, TenancyCounters, TenancySettings};
use workflows::license::{
    CheckIn, EssentialsRegistration, InstallCodeReissue, LicenseApply, LicenseRedeem, LicenseRevocation,
};
use workflows::platform::{HealthCheck, Readiness};
use workflows::portal_domain::PortalDomain;
use workflows::sweep::PortalDomainSweep;
use workflows::tenant::{AlgadeskTenantCreation, ResendWelcome, TenantCreation, TenantRepair, TestEmail};

/// The activities of this process with their clients. Cheap to clone; built before anything answers.
#[derive(Clone, Default)]
pub(crate) struct Activities {
    pool: Option<PgPool>,
    portal: Option<PortalActivities>,
    tenancy: Option<TenantParts>,
    licensing: Option<LicenseParts>,
}

/// What the activities of licensing are made from.
#[derive(Clone)]
struct LicenseParts {
    live: Live,
    mail: MailParts,
    site: Site,
    counters: LicensingCounters,
}

impl LicenseParts {
    fn registry(&self) -> RegistryActivities {
        RegistryActivities::new(self.live.registry(), self.mail.clone(), self.counters.clone())
    }
}

/// What the activities of the tenant queues are made from.
#[derive(Clone)]
struct TenantParts {
    store: TenantStore,
    settings: TenancySettings,
    secrets: Secrets,
    live: Live,
    counters: TenancyCounters,
    production: bool,
}

impl TenantParts {
    fn activities(&self) -> TenancyActivities {
        let (store, settings, secrets) = (self.store.clone(), self.settings.clone(), self.secrets.clone());
        TenancyActivities::new(store, settings, secrets, self.live.outside(), self.counters.clone())
    }
}

/// What the activities of the portal-domain queue are made from.
#[derive(Clone)]
struct PortalActivities {
    pool: PgPool,
    kube: kube::Client,
    settings: Arc<PortalSettings>,
    build_id: String,
}

impl Activities {
    /// Builds the clients of the queues that are served. Nothing is connected yet.
    ///
    /// # Errors
    /// A setting cannot be used, such as a kubeconfig without a context.
    pub(crate) async fn build(
        settings: &WorkerSettings,
        (counters, license_counters): (TenancyCounters, LicensingCounters),
    ) -> Result<Self, Failure> {
        let Some(database) = &settings.database else { return Ok(Self::default()) };
        // Remote and local activities of every queue can all want the database at once.
        let slots = settings.process.max_concurrent_activities.saturating_mul(settings.temporal.queues.len() + 1);
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let pool = database::lazy_pool(database, Role::Worker, database.pool_max.unwrap_or(slots))?;
        let portal = match &settings.portal {
            None => None,
            Some(portal) => {
                let kube = cluster::of_setting(portal.kubeconfig.as_ref()).await?;
                let build_id = settings.temporal.build_id.clone();
                Some(PortalActivities { pool: pool.clone(), kube, settings: Arc::new(portal.clone()), build_id })
            }
        };
        let tenancy = match &settings.tenancy {
            None => None,
            Some(config) => {
                let registry = match &settings.licensing {
                    Some(config) => license_clients::registry(&config.registry)?,
                    None => None,
                };
                let live = Live::new(tenant_clients::outside(config)?, tenant_clients::hashing(config)?, registry);
                Some(TenantParts {
                    store: tenant_clients::store(config, pool.clone()),
                    settings: tenant_clients::settings(config)?,
                    secrets: tenant_clients::secrets(config, live.hashing())?,
                    live,
                    counters,
                    production: settings.process.production,
                })
            }
        };
        let licensing = match (&settings.licensing, &tenancy) {
            (Some(config), Some(tenants)) => {
                let mail = license_clients::mails(
                    config,
                    &tenants.store,
                    &tenants.settings,
                    &tenants.secrets,
                    tenants.live.outside(),
                );
                let folder = tenants.settings.secret_folder.clone();
                let counters = license_counters;
                let site =
                    license_clients::site(config, pool.clone(), &tenants.secrets, folder, counters.clone()).await?;
                Some(LicenseParts { live: tenants.live.clone(), mail, site, counters })
            }
            (_, _) => None,
        };
        Ok(Self { pool: Some(pool), portal, tenancy, licensing })
    }

    /// The pool, when a queue needs the database.
    pub(crate) fn database(&self) -> Option<&PgPool> {
        self.pool.as_ref()
    }

    /// What follows mounted secrets, when a tenant queue is served.
    pub(crate) fn live(&self) -> Option<&Live> {
        self.tenancy.as_ref().map(|parts| &parts.live)
    }

    /// The appliance that this worker runs on, when a tenant queue is served.
    pub(crate) fn site(&self) -> Option<&Site> {
        self.licensing.as_ref().map(|parts| &parts.site)
    }

    /// The cluster's client, when a queue needs it.
    pub(crate) fn cluster(&self) -> Option<&kube::Client> {
        self.portal.as_ref().map(|portal| &portal.kube)
    }
}

/// What a decision depends on; it travels with every row.
fn run_settings(portal: &PortalSettings, build_id: &str) -> RunSettings {
    RunSettings {
        dns_confirm_ms: portal.dns_confirm_seconds.saturating_mul(1000),
        challenge_ours: portal.edge.challenge_host.is_some(),
        certificate_namespace: portal.edge.cert_namespace.clone(),
        gateway_namespace: portal.edge.gateway_namespace.clone(),
        routes_namespace: portal.edge.vs_namespace.clone(),
        manifests: portal.manifest_dir.is_some(),
        worker_build: build_id.to_owned(),
    }
}

/// Registers what a queue serves.
///
/// # Errors
/// Two workflows share a name.
pub(crate) fn on_worker(
    options: &mut WorkerOptions,
    queue: &Queue,
    client: &Client,
    activities: &Activities,
) -> anyhow::Result<()> {
    let tenants = || activities.tenancy.as_ref().ok_or_else(|| anyhow::anyhow!("the tenant queues have no settings"));
    match (queue.role, &activities.portal) {
        (QueueRole::PortalDomain, Some(portal)) => {
            options.register_workflow::<PortalDomain>()?.register_workflow::<PortalDomainSweep>()?;
            let settings = &portal.settings;
            let store = store::Settings {
                reserved_zones: settings.reserved_zones.clone(),
                network: settings.network.clone(),
                run: run_settings(settings, &portal.build_id),
            };
            let record = record::Settings { directory: settings.manifest_dir.clone(), edge: settings.edge.clone() };
            let cluster = ::cluster::Settings::new(settings.edge.clone());
            options
                .register_activities(StoreActivities::new(portal.pool.clone(), store))
                .register_activities(outside::dns(settings))
                .register_activities(ClusterActivities::new(cluster, portal.kube.clone()))
                .register_activities(outside::probe(settings, outside::dns(settings)))
                .register_activities(RecordActivities::new(record))
                .register_activities(WakeActivities::new(PortalRuns::new(client.clone(), queue.name.clone())));
        }
        (QueueRole::PortalDomain, None) => anyhow::bail!("the portal-domain queue has no settings"),
        (QueueRole::Tenant, _) => {
            options
                .register_workflow::<Readiness>()?
                .register_workflow::<HealthCheck>()?
                .register_workflow::<TenantCreation>()?
                .register_workflow::<AlgadeskTenantCreation>()?
                .register_workflow::<ResendWelcome>()?
                .register_activities(tenants()?.activities());
            let licensing = activities.licensing.as_ref();
            let licensing = licensing.ok_or_else(|| anyhow::anyhow!("the tenant queue has no settings of licences"))?;
            options
                .register_workflow::<EssentialsRegistration>()?
                .register_workflow::<InstallCodeReissue>()?
                .register_workflow::<LicenseRevocation>()?
                .register_workflow::<LicenseRedeem>()?
                .register_workflow::<LicenseApply>()?
                .register_workflow::<CheckIn>()?
                .register_activities(licensing.registry())
                .register_activities(ApplianceActivities::new(licensing.site.clone()));
            if !tenants()?.production {
                options.register_workflow::<TestEmail>()?;
            }
        }
        (QueueRole::TenantLifecycle, _) => {
            options.register_workflow::<TenantRepair>()?.register_activities(tenants()?.activities());
        }
    }
    Ok(())
}

/// Registers every workflow of this build, whatever its queue.
///
/// # Errors
/// Two workflows share a name.
pub(crate) fn on_replayer(options: &mut WorkflowReplayerOptions) -> anyhow::Result<()> {
    options
        .register_workflow::<PortalDomain>()?
        .register_workflow::<PortalDomainSweep>()?
        .register_workflow::<Readiness>()?
        .register_workflow::<HealthCheck>()?
        .register_workflow::<TenantCreation>()?
        .register_workflow::<AlgadeskTenantCreation>()?
        .register_workflow::<ResendWelcome>()?
        .register_workflow::<TenantRepair>()?
        .register_workflow::<TestEmail>()?
        .register_workflow::<EssentialsRegistration>()?
        .register_workflow::<InstallCodeReissue>()?
        .register_workflow::<LicenseRevocation>()?
        .register_workflow::<LicenseRedeem>()?
        .register_workflow::<LicenseApply>()?
        .register_workflow::<CheckIn>()?;
    Ok(())
}
