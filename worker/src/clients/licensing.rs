//! What licensing works with: the service routes of the licence API, the mails, and the appliance that the worker runs on.

use super::cluster;
use crate::config::{LicensingConfig, RegistryAccess};
use crate::exit::{Exit, Failure, OrExit as _};
use ::licensing::{LicensingCounters, MailParts, Page, RegistryApi, Site};
use appliance::code::FailureCode;
use appliance::secrets::{KubernetesSecrets, SecretStore};
use appliance::trust::{self, TrustFiles, Verifier};
use outbound::{Caller, Limits};
use sqlx::PgPool;
use std::path::PathBuf;
use std::sync::Arc;
use store::tenant::TenantStore;
use tenancy::{Now, Outside, Secrets, TenancySettings};

/// A client of the service routes; `None` without a secret.
///
/// # Errors
/// No HTTPS client can be made.
pub(crate) fn registry(access: &RegistryAccess) -> Result<Option<RegistryApi>, Failure> {
    let (Some(base), Some(secret)) = (&access.base, &access.secret) else { return Ok(None) };
    let caller = Caller::new(Limits::default()).or_exit(Exit::Internal, "could not make an HTTPS client")?;
    Ok(Some(RegistryApi::new(base.clone(), Arc::new(caller), secret.clone())))
}

/// The keys: built in, of the files, and how long licences without an audience count.
///
/// # Errors
/// A file of keys cannot be used.
pub(crate) fn verifier(config: &LicensingConfig) -> Result<Verifier, Failure> {
    let files = TrustFiles { licenses: config.trust.as_deref(), roots: config.roots.as_deref() };
    let keys =
        trust::load(files, license::built_in::TEST_KEYS).or_exit(Exit::No, FailureCode::TrustUnusable.sentence())?;
    let signatures = Arc::new(license::verifier::Verifier::default());
    Ok(Verifier::new(keys, signatures).accepting_unbound(config.unbound))
}

/// What mails with codes are made and sent with.
pub(crate) fn mails(
    config: &LicensingConfig,
    store: &TenantStore,
    settings: &TenancySettings,
    secrets: &Secrets,
    outside: Now<Outside>,
) -> MailParts {
    MailParts {
        store: store.clone(),
        outside,
        keyed: Arc::clone(&secrets.keyed),
        sender: settings.sender.clone(),
        page: Page {
            store: config.store.clone(),
            video: config.video.clone(),
            download: config.download.clone(),
            allowed: config.links(),
        },
    }
}

/// The appliance that this worker runs on. A hosted worker has no cluster of its own to write to, which its steps say.
///
/// # Errors
/// A file of keys cannot be used.
pub(crate) async fn site(
    config: &LicensingConfig,
    pool: PgPool,
    secrets: &Secrets,
    secret_folder: Option<PathBuf>,
    counters: LicensingCounters,
) -> Result<Site, Failure> {
    let cluster: Option<Arc<dyn SecretStore>> = match cluster::client(config.kubeconfig.as_deref()).await {
        Ok(client) => Some(Arc::new(KubernetesSecrets::new(client))),
        Err(error) => {
            tracing::info!("no cluster to keep a licence in: {error}");
            None
        }
    };
    Ok(Site {
        pool,
        secrets: cluster,
        verifier: Arc::new(verifier(config)?),
        sealing: Arc::clone(&secrets.sealing),
        service_url: config.service_url.clone(),
        loopback: config.loopback,
        protection: config.protection,
        secret_folder,
        counters,
    })
}
