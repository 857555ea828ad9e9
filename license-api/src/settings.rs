//! What the service is told at its start.

use crate::connections::{ARRIVAL_MAX_DEFAULT, CONNECTIONS_MAX_DEFAULT};
use crate::secrets::SecretSources;
use ipnet::IpNet;
use license::object_store::ObjectStore;
use model::license::budget::BudgetRules;
use model::license::install_code::{CodeLength, LIFETIME_DEFAULT_SECONDS};
use sqlx::postgres::PgConnectOptions;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Connections to the database when nothing is set: more than two cores keep busy, few enough for several replicas under
/// PostgreSQL's default of 100.
pub const POOL_MAX_DEFAULT: u32 = 20;
/// Where appliances check in when nothing is set (licensing contract, section 5.3).
pub const CHECK_IN_URL_DEFAULT: &str = "https://license.nineminds.com/check-in";
/// How long a redemption is replayed, in seconds: seven days (contract, section 4.5).
pub const REPLAY_SECONDS_DEFAULT: i64 = 7 * 86_400;

/// Everything that a start needs. Passwords are inside of `database`; secrets and keys are read from the files named here.
#[derive(Clone)]
pub struct Config {
    /// `PORT`: where the routes are.
    pub listen: SocketAddr,
    /// `METRICS_PORT`: where Prometheus asks.
    pub metrics_listen: SocketAddr,
    /// `DB_HOST DB_PORT DB_NAME DB_USER_APP DB_PASSWORD_APP`.
    pub database: PgConnectOptions,
    /// `DB_POOL_MAX`.
    pub pool_max: u32,
    /// Where the service secrets are.
    pub secrets: SecretSources,
    /// Where the keys are.
    pub keys: KeyFiles,
    /// `OBJECT_STORE_*`.
    pub downloads: Option<ObjectStore>,
    /// Rules that handlers read.
    pub settings: Settings,
}

/// Files with keys, each read again when it changes.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    /// `ALGA_LICENSE_PRIVATE_KEY_FILE`: the signing key, PKCS #8 PEM.
    pub signing: PathBuf,
    /// `ALGA_LICENSE_KID`: its id.
    pub kid: String,
    /// `TENANTRY_LICENSE_MINT_KEYS_FILE`: makes codes.
    pub mint: PathBuf,
    /// `TENANTRY_LICENSE_LOOKUP_KEYS_FILE`: finds codes, and keys the fingerprints of requests that hold one.
    pub lookup: PathBuf,
    /// `TENANTRY_SEALING_KEYS_FILE`: seals answers.
    pub sealing: PathBuf,
    /// `TENANTRY_LICENSE_KEYSET_FILE`: the signed statement of `GET /keys`.
    pub keyset: Option<PathBuf>,
}

/// Rules that handlers read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `INSTALL_CODE_LENGTH`.
    pub code_length: CodeLength,
    /// `CLAIM_CODE_TTL_SECONDS`.
    pub code_ttl_seconds: i64,
    /// `TENANTRY_LICENSE_CHECK_IN_URL`: part of the answer to a redemption.
    pub check_in_url: String,
    /// `TENANTRY_LICENSE_REPLAY_SECONDS`.
    pub replay_seconds: i64,
    /// `TENANTRY_LICENSE_TRUSTED_PROXIES`: only these may say in `X-Forwarded-For` where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// `TENANTRY_LICENSE_ATTEMPT_BUDGETS`: how many failed attempts to use a code a source has; see `BudgetRules::parse`.
    pub budgets: BudgetRules,
    /// Reissues of one tenant within a day (contract, section 15).
    pub reissues_per_day: u32,
    /// Seconds between two reissues of one tenant (contract, section 15).
    pub reissue_pause_seconds: i64,
    /// Requests that are worked on at once; one more is answered with 503.
    pub concurrency_max: usize,
    /// Connections of clients at once; one more waits to be accepted.
    pub connections_max: usize,
    /// Longest time for the head of a request to arrive, and for its body.
    pub arrival_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            code_length: CodeLength::default(),
            code_ttl_seconds: LIFETIME_DEFAULT_SECONDS,
            check_in_url: CHECK_IN_URL_DEFAULT.to_owned(),
            replay_seconds: REPLAY_SECONDS_DEFAULT,
            trusted_proxies: Vec::new(),
            reissues_per_day: 3,
            reissue_pause_seconds: 60,
            budgets: BudgetRules::default(),
            concurrency_max: 512,
            connections_max: CONNECTIONS_MAX_DEFAULT,
            arrival_max: ARRIVAL_MAX_DEFAULT,
        }
    }
}
