//! What licensing works with: the service routes of the licence API, the mails, and the appliance that the worker runs on.

use super::cluster;
use crate::config::{LicensingConfig, RegistryAccess};
use crate::exit::{Exit, Failure, OrExit as _};
use ::licensing::{LicensingCounters, MailParts, Page, RegistryApi, Site};
use appliance::code::FailureCode;
use appliance::secrets::{KubernetesSecrets, SecretStore};
use appliance::trust::{self, TrustFiles, Verifier};
use model::license::keyset::BuiltInKeys;
use outbound::{Caller, Limits};
use sqlx::PgPool;
use std::path::{Path, PathBuf};
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
    let licenses = config.trust.as_deref().map(|path| ("ALGA_LICENSE_TRUST_FILE", path));
    let roots = config.roots.as_deref().map(|path| ("ALGA_LICENSE_ROOTS_FILE", path));
    let keys = trusted(licenses, roots)?;
    let signatures = Arc::new(license::verifier::Verifier::default());
    Ok(Verifier::new(keys, signatures).accepting_unbound(config.unbound))
}

/// The keys that are trusted: those built in, and those of two files, each with the name of what names it.
///
/// # Errors
/// `No` for a file that cannot be used, with that name.
pub(crate) fn trusted(
    licenses: Option<(&'static str, &Path)>,
    roots: Option<(&'static str, &Path)>,
) -> Result<BuiltInKeys, Failure> {
    let load = |files| trust::load(files, license::built_in::TEST_KEYS);
    let (licensed, rooted) = (licenses.map(|(_, path)| path), roots.map(|(_, path)| path));
    let alone = [
        (licenses, TrustFiles { licenses: licensed, roots: None }),
        (roots, TrustFiles { licenses: None, roots: rooted }),
    ];
    for (named, files) in alone {
        if let Some((name, _)) = named {
            load(files).or_exit(Exit::No, name)?;
        }
    }
    load(TrustFiles { licenses: licensed, roots: rooted }).or_exit(Exit::No, FailureCode::TrustUnusable.sentence())
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
    let cluster: Option<Arc<dyn SecretStore>> = match cluster::of_setting(config.kubeconfig.as_ref()).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_keys_that_cannot_be_used_is_named_once() {
        let garbage = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(garbage.path(), "{ no keys").expect("written");
        for (path, reason) in [(Path::new("/nonexistent"), "No such file"), (garbage.path(), "")] {
            for failure in [
                trusted(Some(("ALGA_LICENSE_TRUST_FILE", path)), None).expect_err("no licence keys"),
                trusted(None, Some(("ALGA_LICENSE_ROOTS_FILE", path))).expect_err("no root keys"),
            ] {
                let text = failure.to_string();
                assert_eq!(failure.exit, Exit::No, "{text}");
                assert!(
                    text.starts_with("ALGA_LICENSE_") && text.contains("_FILE: ") && text.contains(reason),
                    "{text}"
                );
                let parts: Vec<&str> = text.split(": ").collect();
                assert!(parts.iter().all(|part| parts.iter().filter(|other| *other == part).count() == 1), "{text}");
            }
        }
    }
}
