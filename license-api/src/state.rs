//! What every handler can reach.

use crate::clock::Clock;
use crate::db::{self, DbError};
use crate::keys::Keys;
use crate::limits::UnderWay;
use crate::metrics::Metrics;
use crate::random::{RandomSource, Rng};
use crate::secrets::WatchedSecrets;
use crate::settings::Settings;
use license::object_store::ObjectStore;
use sqlx::{PgPool, Postgres, Transaction};
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The parts of a running service. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    parts: Arc<Parts>,
    under_way: Arc<UnderWay>,
    open: TaskTracker,
}

/// The parts themselves.
pub struct Parts {
    /// The registry, under the rights of the service's role.
    pub pool: PgPool,
    /// Accepted service secrets.
    pub secrets: WatchedSecrets,
    /// Signing, code and sealing keys.
    pub keys: Keys,
    /// Where the image is; none: links are empty.
    pub downloads: Option<ObjectStore>,
    /// Times of licences and links.
    pub clock: Arc<dyn Clock>,
    /// Ids, credentials, nonces.
    pub random: Arc<dyn RandomSource>,
    /// Rules.
    pub settings: Settings,
    /// Counters.
    pub metrics: Metrics,
    /// Cancelled when the service was asked to stop.
    pub drain: CancellationToken,
}

impl AppState {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), under_way: Arc::default(), open: TaskTracker::new() }
    }

    /// Attempts to use a code that are being worked on.
    pub(crate) fn under_way(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// Connections and requests that are open, which the end of the service waits for.
    pub(crate) const fn open(&self) -> &TaskTracker {
        &self.open
    }

    /// Begins a transaction on the registry.
    ///
    /// # Errors
    /// [`DbError::Unavailable`].
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        db::begin(&self.pool, "begin a transaction").await
    }

    /// The random source as the traits of `rand` want it.
    pub fn rng(&self) -> Rng<'_> {
        Rng(self.random.as_ref())
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
