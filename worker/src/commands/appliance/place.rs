//! What the commands work with: service, keys, database, cluster.

use super::TrustArgs;
use super::answer::Bad;
use crate::clients::{cluster, database};
use crate::config::{ClientSettings, Reader, Role, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use appliance::code::FailureCode;
use appliance::installation::{Installed, Standing};
use appliance::secrets::{KubernetesSecrets, SecretStore};
use appliance::service::{Known, Loopback, ServiceUrl, choose};
use appliance::state::{DatabaseState, Record, RedemptionState as _};
use appliance::trust::{self, TrustFiles, Verifier};
use credentials::KeyFile;
use model::license::token::UnboundUntil;
use sqlx::PgPool;
use std::path::PathBuf;
use std::sync::Arc;

/// Whether plain `http` on this machine is accepted: `ALGA_LICENSE_ALLOW_LOOPBACK=true`, for the local stack.
pub(super) fn loopback(source: &Source) -> Result<Loopback, Failure> {
    let mut reader = Reader::new(source);
    let allowed = reader.flag("ALGA_LICENSE_ALLOW_LOOPBACK", false);
    let loopback = if allowed { Loopback::Allowed } else { Loopback::Refused };
    reader.finish(loopback).map_err(|problems| Failure::of(Exit::No, problems))
}

/// The keys: built in, of the files, and how long licences without an audience count.
pub(super) fn verifier(source: &Source, args: &TrustArgs) -> Result<Verifier, Bad> {
    let file =
        |argument: &Option<PathBuf>, variable| argument.clone().or_else(|| source.value(variable).map(PathBuf::from));
    let (licenses, roots) =
        (file(&args.trust, "ALGA_LICENSE_TRUST_FILE"), file(&args.roots, "ALGA_LICENSE_ROOTS_FILE"));
    let files = TrustFiles { licenses: licenses.as_deref(), roots: roots.as_deref() };
    let keys = trust::load(files, license::built_in::TEST_KEYS).map_err(|e| Bad::of(FailureCode::TrustUnusable, e))?;
    let unbound = match source.value("LICENSE_UNBOUND_ACCEPTED_UNTIL") {
        None => None,
        Some(date) => Some(UnboundUntil::parse(date).ok_or_else(|| {
            Failure::new(Exit::No, "LICENSE_UNBOUND_ACCEPTED_UNTIL: must be a date such as 2026-12-31")
        })?),
    };
    let signatures = Arc::new(license::verifier::Verifier::default());
    Ok(Verifier::new(keys, signatures).accepting_unbound(unbound))
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
    let kubeconfig = reader.readable_file("KUBECONFIG");
    let kubeconfig = reader.finish(kubeconfig).map_err(|problems| Failure::of(Exit::No, problems))?;
    let client = cluster::client(kubeconfig.as_deref()).await.or_exit(Exit::No, "could not use the kubeconfig")?;
    Ok(Arc::new(KubernetesSecrets::new(client)))
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
