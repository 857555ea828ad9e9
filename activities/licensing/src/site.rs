//! The appliance that this worker runs on: where its licence lives, and which service it belongs to.

use crate::counters::LicensingCounters;
use crate::failure::{CONFIGURATION, PLAINTEXT_REFUSED, final_failure, of_code};
use appliance::apply::apply;
use appliance::check_in::{self, CheckInError, Exchange, Held, Outcome};
use appliance::client::LicenseApi;
use appliance::clock::SystemClock;
use appliance::code::FailureCode;
use appliance::installation::{Installation as _, InstallationError, Installed, NO_TABLE, Standing};
use appliance::redeem::{Given, Parts, Reached, RedeemError, Redeemed, Until, redeem, redeem_until};
use appliance::secrets::SecretStore;
use appliance::service::{Known, Loopback, choose};
use appliance::state::{DatabaseState, Record, RedemptionState as _};
use appliance::trust::Verifier;
use credentials::SealingKeys;
use model::license::token::VerifiedLicense;
use rand::CryptoRng;
use secrecy::SecretString;
use sqlx::PgPool;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use temporalio_sdk::activities::ActivityError;
use tenancy::Now;

/// What is done with a code or a licence that came in a payload without the mark of the codec (licensing contract, L-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Accepted with a warning and a metric.
    Asked,
    /// `REQUIRE_ENCRYPTED_PAYLOADS=true`: refused.
    Required,
}

/// Whether check-ins are to be scheduled here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standpoint {
    /// There is no table of licence state, or no cluster: this will not become an appliance while the process lives.
    Hosted,
    /// No credential yet, or a database that does not answer: look again.
    NotYet,
    /// An appliance that checks in.
    Connected(Connected),
}

/// An appliance that checks in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Its id.
    pub appliance_id: String,
    /// When the last check-in was answered, unix seconds.
    pub last_check_in: Option<i64>,
}

/// What the steps work with.
#[derive(Clone)]
pub struct Site {
    /// The application's database, under the worker's role.
    pub pool: PgPool,
    /// The Secrets of the cluster; `None` where there is no cluster.
    pub secrets: Option<Arc<dyn SecretStore>>,
    /// The keys, and the signature check.
    pub verifier: Arc<Verifier>,
    /// Seals what is stored between the steps.
    pub sealing: Now<Arc<SealingKeys>>,
    /// `ALGA_LICENSE_SERVICE_URL`.
    pub service_url: Option<String>,
    /// Whether plain `http` on this machine is accepted.
    pub loopback: Loopback,
    /// What is done with secrets in clear.
    pub protection: Protection,
    /// Folder of mounted secrets, for `requestRef` of a licence.
    pub secret_folder: Option<PathBuf>,
    /// Counts.
    pub counters: LicensingCounters,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("service_url", &self.service_url.is_some()).finish_non_exhaustive()
    }
}

impl Site {
    /// What a schedule of check-ins needs.
    pub async fn standpoint(&self) -> Standpoint {
        let Ok(home) = self.home() else { return Standpoint::Hosted };
        match home.standing().await {
            Ok(Standing { credential: Some(_), appliance_id: Some(id), last_check_in, .. }) => {
                Standpoint::Connected(Connected { appliance_id: id.as_str().to_owned(), last_check_in })
            }
            Err(InstallationError::Missing(NO_TABLE)) => Standpoint::Hosted,
            Ok(_) | Err(_) => Standpoint::NotYet,
        }
    }

    /// Refuses or counts a secret that was readable on its way.
    pub(crate) fn admit(&self, protected: bool) -> Result<(), ActivityError> {
        if protected {
            return Ok(());
        }
        self.counters.plaintext();
        match self.protection {
            Protection::Asked => {
                tracing::warn!("a code or licence came in a payload without the mark of the codec: docs/settings.md");
                Ok(())
            }
            Protection::Required => {
                let text = "the input must be marked for the payload codec: REQUIRE_ENCRYPTED_PAYLOADS is set";
                Err(final_failure(PLAINTEXT_REFUSED, text))
            }
        }
    }

    /// Takes the steps of a redemption up to a stage.
    pub(crate) async fn redeem_until(&self, given: Given, until: Until) -> Result<Reached, ActivityError> {
        let mut work = self.work().await?;
        redeem_until(&mut work.parts(self), given, until).await.map_err(of_redeem)
    }

    /// Takes the steps of a redemption that are left.
    pub(crate) async fn redeem(&self, given: Given) -> Result<Redeemed, ActivityError> {
        let mut work = self.work().await?;
        redeem(&mut work.parts(self), given).await.map_err(of_redeem)
    }

    async fn work(&self) -> Result<Work, ActivityError> {
        let home = self.home()?;
        let mut state = self.state();
        let standing = home.standing().await.map_err(|error| of_redeem(error.into()))?;
        let record = state.load().await.map_err(|error| of_redeem(error.into()))?;
        let api = self.api(&standing, record.as_ref())?;
        Ok(Work { api, home, state, rng: Box::new(credentials::system_random()) })
    }

    /// Verifies a licence and writes it.
    pub(crate) async fn apply(&self, text: &SecretString) -> Result<VerifiedLicense, ActivityError> {
        let home = self.home()?;
        let applied = apply(text, &home, &self.verifier, &SystemClock).await;
        applied.map_err(|error| of_code(error.code(), None))
    }

    /// A licence in a mounted secret.
    pub(crate) fn mounted(&self, name: &str) -> Result<SecretString, ActivityError> {
        let plain = !name.starts_with('.') && !name.contains(['/', '\\']);
        let path = self.secret_folder.as_ref().filter(|_| plain).map(|folder| folder.join(name));
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        text.map(SecretString::from).ok_or_else(|| {
            final_failure(CONFIGURATION, "requestRef: names no mounted secret; mount it, then start again")
        })
    }

    /// Checks in once.
    pub(crate) async fn check_in(&self) -> Result<Outcome, ActivityError> {
        let outcome = self.exchange().await?;
        self.counters.check_in(outcome.as_str());
        Ok(outcome)
    }

    async fn exchange(&self) -> Result<Outcome, ActivityError> {
        let home = self.home()?;
        let standing = match check_in::held(&home).await.map_err(of_check_in)? {
            Ok(standing) => standing,
            Err(outcome) => return Ok(outcome),
        };
        let record = self.state().load().await.map_err(|error| of_redeem(error.into()))?;
        let api = self.api(&standing, record.as_ref())?;
        let Some(held) = Held::of(standing) else { return Ok(Outcome::NotConnected) };
        let exchange = Exchange { home: &home, api: &api, verifier: &self.verifier, clock: &SystemClock };
        exchange.run(&held).await.map_err(of_check_in)
    }

    fn home(&self) -> Result<Installed, ActivityError> {
        let secrets = self.secrets.clone().ok_or_else(|| of_code(FailureCode::ClusterUnavailable, None))?;
        Ok(Installed::new(self.pool.clone(), secrets))
    }

    fn state(&self) -> DatabaseState {
        DatabaseState::new(self.pool.clone(), (self.sealing)())
    }

    fn api(&self, standing: &Standing, record: Option<&Record>) -> Result<LicenseApi, ActivityError> {
        let known = Known {
            configured: self.service_url.as_deref(),
            check_in_url: standing.check_in_url.as_deref(),
            verified: record.and_then(|record| record.verified_origin.as_deref()),
        };
        let service = choose(&known, self.loopback).map_err(|_| of_code(FailureCode::UntrustedService, None))?;
        LicenseApi::new(service).map_err(|error| final_failure(CONFIGURATION, error.to_string()))
    }
}

/// What one step opens.
struct Work {
    api: LicenseApi,
    home: Installed,
    state: DatabaseState,
    rng: Box<dyn CryptoRng + Send + Sync>,
}

impl Work {
    fn parts<'a>(&'a mut self, site: &'a Site) -> Parts<'a> {
        Parts {
            state: &mut self.state,
            home: &self.home,
            api: &self.api,
            verifier: &site.verifier,
            clock: &SystemClock,
            rng: &mut *self.rng,
            loopback: site.loopback,
            progress: &|_| {},
        }
    }
}

fn of_redeem(error: RedeemError) -> ActivityError {
    tracing::warn!(code = error.code().as_str(), "a step of a redemption did not succeed: {error}");
    of_code(error.code(), error.retry_after())
}

fn of_check_in(error: CheckInError) -> ActivityError {
    tracing::warn!(code = error.code().as_str(), "a check-in did not succeed: {error}");
    of_code(error.code(), None)
}
