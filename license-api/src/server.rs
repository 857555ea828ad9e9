//! The running service: its ports, its start and its end.

use crate::clock::{Clock, SystemClock};
use crate::connections;
use crate::db::pool;
use crate::keys::{Keys, KeysError};
use crate::metrics::Metrics;
use crate::random::SystemRandom;
use crate::registry::{ForgottenKeys, require_known_keys};
use crate::router::router;
use crate::secrets::{SecretsFault, WatchedSecrets};
use crate::settings::Config;
use crate::state::{AppState, Parts};
use crate::watch::LOOK_EVERY;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest time for requests that are open when the service is told to stop: one more than a request may take.
const DRAIN_MAX: Duration = Duration::from_secs(13);
/// How often what is over is erased: answers after `replay_until`, windows of attempts, sources of check-ins.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A key cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The service secrets cannot be used.
    #[error("could not read the service secrets")]
    Secrets(#[from] SecretsFault),
    /// Codes exist that no key finds any more.
    #[error(transparent)]
    Forgotten(#[from] ForgottenKeys),
    /// A port is in use.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A metric is there twice.
    #[error("could not register the metrics")]
    Metrics(#[from] prometheus::Error),
}

/// Makes the parts of a service from its settings.
///
/// # Errors
/// [`ServeError`], when a key or a secret cannot be used.
pub fn prepare(config: &Config) -> Result<AppState, ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = Keys::open(&config.keys, &clock)?;
    Ok(AppState::new(Parts {
        pool: pool(config.database.clone(), config.pool_max),
        secrets: WatchedSecrets::open(config.secrets.clone(), Instant::now())?,
        keys,
        downloads: config.downloads.clone(),
        clock,
        random: Arc::new(SystemRandom),
        settings: config.settings.clone(),
        metrics: Metrics::new()?,
        drain: CancellationToken::new(),
    }))
}

/// Runs the service until `shutdown` ends, then lets open requests finish.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
    let state = prepare(&config)?;
    require_known_keys(&state.pool, &state.keys.codes()).await?;
    let listener = listen(config.listen).await?;
    let metrics = listen(config.metrics_listen).await?;
    tracing::info!(address = %config.listen, "the licence API listens on {}", config.listen);
    let metrics_router = state.metrics.clone().router();
    let metrics = tokio::spawn(async move { axum::serve(metrics, metrics_router).await });
    let sweeper = tokio::spawn(sweep(state.clone()));
    let renewer = tokio::spawn(renew(state.clone()));
    run(listener, state, shutdown).await;
    metrics.abort();
    sweeper.abort();
    renewer.abort();
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// Serves the routes on a listener until `shutdown` ends. New connections are refused from then on, `/readyz` says so, and
/// open requests have 13 s to finish, also those whose client is gone.
pub async fn run(listener: TcpListener, state: AppState, shutdown: impl Future<Output = ()> + Send + 'static) {
    let asked = state.drain.clone();
    tokio::spawn(async move {
        shutdown.await;
        asked.cancel();
    });
    connections::serve(listener, router(state.clone()), &state).await;
    state.open().close();
    if tokio::time::timeout(DRAIN_MAX, state.open().wait()).await.is_err() {
        tracing::warn!("requests were open for too long and were cut off");
    }
}

async fn sweep(state: AppState) {
    let mut turns = tokio::time::interval(SWEEP_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = crate::registry::sweep(&state.pool, &state.settings).await {
            tracing::warn!("what is over was not erased: {error}");
        }
        // The registry may not have answered at the start, and another instance may have minted with keys that are not here.
        if let Err(error) = require_known_keys(&state.pool, &state.keys.codes()).await {
            tracing::error!("codes cannot be redeemed: {error}");
        }
    }
}

/// Takes over the keys of install codes when their files change.
async fn renew(state: AppState) {
    let mut turns = tokio::time::interval(LOOK_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        state.keys.codes.renew_and_tell(&state.pool, Instant::now()).await;
    }
}
