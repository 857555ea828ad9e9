//! What the commands work with: service, keys, database, cluster.

use super::TrustArgs;
use super::answer::Bad;
use crate::clients::{cluster, database, licensing};
use crate::config::{self, ClientSettings, KubeconfigFile, Reader, Role, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use appliance::code::FailureCode;
use appliance::installation::{Installed, Standing};
use appliance::secrets::{KubernetesSecrets, SecretStore};
use appliance::service::{Known, Loopback, ServiceUrl, choose};
use appliance::state::{DatabaseState, Record, RedemptionState as _};
use appliance::trust::Verifier;
use credentials::KeyFile;
use model::license::token::UnboundUntil;
use sqlx::PgPool;
use std::path::Path;
use std::sync::Arc;

/// Whether plain `http` on this machine is accepted.
pub(super) fn loopback(source: &Source) -> Result<Loopback, Failure> {
    let mut reader = Reader::new(source);
    let loopback = config::loopback(&mut reader);
    reader.finish(loopback).map_err(|problems| Failure::of(Exit::No, problems))
}

/// The keys: built in, of the files, and how long licences without an audience count.
pub(super) fn verifier(source: &Source, args: &TrustArgs) -> Result<Verifier, Failure> {
    let keys = licensing::trusted(
        file(args.trust.as_deref(), "--trust", source, "ALGA_LICENSE_TRUST_FILE"),
        file(args.roots.as_deref(), "--roots", source, "ALGA_LICENSE_ROOTS_FILE"),
    )?;
    let unbound = match source.value("LICENSE_UNBOUND_ACCEPTED_UNTIL") {
        None => None,
        Some(date) => Some(UnboundUntil::parse(date).ok_or_else(|| {
            Failure::new(Exit::No, "LICENSE_UNBOUND_ACCEPTED_UNTIL: must be a date such as 2026-12-31")
        })?),
    };
    let signatures = Arc::new(license::verifier::Verifier::default());
    Ok(Verifier::new(keys, signatures).accepting_unbound(unbound))
}

/// A file of keys, and what names it.
fn file<'a>(
    argument: Option<&'a Path>,
    option: &'static str,
    source: &'a Source,
    variable: &'static str,
) -> Option<(&'static str, &'a Path)> {
    let set = || source.value(variable).map(|path| (variable, Path::new(path)));
    argument.map(|path| (option, path)).or_else(set)
}

/// The service's address, from the setting, the stored address, or the default.
pub(super) fn service(
    source: &Source,
    standing: &Standing,
    record: Option<&Record>,
    loopback: Loopback,
) -> Result<ServiceUrl, Bad> {
    let verified = record.and_then(|record| record.verified_origin.as_deref());
    let known = Known {
        configured: source.value("ALGA_LICENSE_SERVICE_URL"),
        check_in_url: standing.check_in_url.as_deref(),
        verified,
    };
    choose(&known, loopback).map_err(|error| Bad::of(FailureCode::UntrustedService, error))
}

/// The Secrets of the cluster of `KUBECONFIG`, else of the pod's own.
pub(super) async fn secrets(source: &Source) -> Result<Arc<dyn SecretStore>, Failure> {
    let mut reader = Reader::new(source);
    let kubeconfig = KubeconfigFile::read(&mut reader, &["KUBECONFIG"]);
    let kubeconfig = reader.finish(kubeconfig).map_err(|problems| Failure::of(Exit::No, problems))?;
    Ok(Arc::new(KubernetesSecrets::new(cluster::of_setting(kubeconfig.as_ref()).await?)))
}

/// The application's database under the worker's role.
pub(super) async fn pool(source: &Source) -> Result<PgPool, Bad> {
    let settings =
        ClientSettings::parse(source, &[Role::Worker]).map_err(|problems| Failure::of(Exit::No, problems))?;
    database::pool(&settings.database, Role::Worker).await.map_err(|failure| match failure.exit {
        Exit::Unreachable => Bad::of(FailureCode::DatabaseUnavailable, failure.error),
        Exit::Ok | Exit::No | Exit::Usage | Exit::NotFound | Exit::Refused | Exit::Internal => Bad::Plain(failure),
    })
}

/// The installed appliance.
pub(super) async fn installed(source: &Source, pool: &PgPool) -> Result<Installed, Bad> {
    Ok(Installed::new(pool.clone(), secrets(source).await?))
}

/// The stored steps in the database; `None` where no sealing keys are set.
pub(super) fn stored(source: &Source, pool: &PgPool) -> Result<Option<DatabaseState>, Failure> {
    let mut reader = Reader::new(source);
    let path = reader.readable_file("TENANTRY_SEALING_KEYS_FILE");
    let path = reader.finish(path).map_err(|problems| Failure::of(Exit::No, problems))?;
    let Some(path) = path else { return Ok(None) };
    let file = KeyFile::read(&path).or_exit(Exit::No, "could not use TENANTRY_SEALING_KEYS_FILE")?;
    Ok(Some(DatabaseState::new(pool.clone(), Arc::new(file.sealing))))
}

/// What is stored of the last redemption; `None` when nothing is, or nothing can be read without keys.
pub(super) async fn record(state: Option<&mut DatabaseState>) -> Result<Option<Record>, Bad> {
    match state {
        None => Ok(None),
        Some(state) => {
            let loaded = state.load().await;
            loaded.map_err(|error| {
                let error = appliance::redeem::RedeemError::from(error);
                Bad::of(error.code(), error)
            })
        }
    }
}
