//! The database and the roles that this process may take in it.

use super::secret::Secret;
use super::source::Reader;
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::time::Duration;

/// Under whose rights a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The worker's own role, least privilege.
    Worker,
    /// The web application's role; only `domain register` and `domain disable` take it.
    Application,
    /// The owner of the schema; only `migrate` takes it.
    Admin,
}

/// Where the database is, and how each role signs in.
#[derive(Clone)]
pub(crate) struct DatabaseSettings {
    /// Where it is; nobody signs in yet, except with a URL.
    base: Option<PgConnectOptions>,
    worker: Option<PgConnectOptions>,
    application: Option<PgConnectOptions>,
    admin: Option<PgConnectOptions>,
    /// The worker signs in as the administrator, because no role of its own is configured. Said loudly at start.
    pub(crate) worker_is_admin: bool,
    /// `DB_POOL_MIN`.
    pub(crate) pool_min: u32,
    /// `DB_POOL_MAX`; none means the sum of the activity slots that use the database.
    pub(crate) pool_max: Option<u32>,
    /// `DB_POOL_ACQUIRE_TIMEOUT`.
    pub(crate) acquire_timeout: Duration,
}

/// Names the roles only; the options hold passwords.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("worker", &self.worker.is_some())
            .field("application", &self.application.is_some())
            .field("admin", &self.admin.is_some())
            .finish_non_exhaustive()
    }
}

impl DatabaseSettings {
    /// Reads the settings. `needed` roles must be configured.
    pub(super) fn read(reader: &mut Reader<'_>, needed: &[Role]) -> Self {
        let url = read_url(reader);
        let host = reader.text("DB_HOST");
        let port = reader.port("DB_PORT", 5432);
        let database = reader.text_or("DB_NAME_SERVER", "server");
        let base = url.clone().or_else(|| {
            let host = host.as_deref()?;
            Some(PgConnectOptions::new_without_pgpass().host(host).port(port).database(&database))
        });
        let sign_in = |base: &PgConnectOptions, user: &str, password: Option<Secret>| {
            let options = base.clone().username(user);
            match password {
                Some(password) => options.password(password.expose()),
                None => options,
            }
        };

        let worker_user = reader.text("TENANTRY_DB_USER");
        let worker_password = reader.secret("TENANTRY_DB_PASSWORD");
        let application_password = reader.secret("DB_PASSWORD_SERVER");
        let application_user = reader.text("DB_USER_SERVER");
        let admin_password = reader.secret("DB_PASSWORD_ADMIN");
        let admin_user = reader.text("DB_USER_ADMIN");
        if worker_user.is_some() && worker_password.is_none() && url.is_none() {
            reader.problem("TENANTRY_DB_PASSWORD", "is required with TENANTRY_DB_USER");
        }

        let admin_base = match (&url, reader.text("DB_HOST_ADMIN")) {
            (None, Some(host)) => {
                let port = reader.port("DB_PORT_ADMIN", port);
                Some(PgConnectOptions::new_without_pgpass().host(&host).port(port).database(&database))
            }
            (_, _) => base.clone(),
        };
        let admin = admin_base.as_ref().and_then(|base| {
            let named = admin_user.is_some() || admin_password.is_some();
            named.then(|| sign_in(base, admin_user.as_deref().unwrap_or("postgres"), admin_password.clone()))
        });
        let application = base.as_ref().and_then(|base| {
            let named = application_user.is_some() || application_password.is_some();
            named
                .then(|| sign_in(base, application_user.as_deref().unwrap_or("app_user"), application_password.clone()))
        });
        let own = base
            .as_ref()
            .and_then(|base| worker_user.as_deref().map(|user| sign_in(base, user, worker_password.clone())))
            .or_else(|| url.clone());
        let worker_is_admin = own.is_none() && admin.is_some();
        let worker = own.or_else(|| admin.clone());

        if base.is_none() && !needed.is_empty() {
            reader.problem("DB_HOST", "is required, unless DATABASE_URL is set");
        }
        for role in needed.iter().filter(|_| base.is_some()) {
            match role {
                Role::Worker if worker.is_none() => reader.problem("TENANTRY_DB_USER", "is required"),
                Role::Application if application.is_none() => reader.problem(
                    "DB_USER_SERVER",
                    "is required: this command acts as the web application, never as the worker",
                ),
                Role::Admin if admin.is_none() && url.is_none() => reader.problem("DB_USER_ADMIN", "is required"),
                Role::Worker | Role::Application | Role::Admin => {}
            }
        }
        let whole = "must be an integer of at least 0";
        Self {
            base,
            worker_is_admin,
            admin: admin.or(url),
            worker,
            application,
            pool_min: reader.number("DB_POOL_MIN", 1, 0..=1000, whole),
            pool_max: reader.parsed("DB_POOL_MAX", "must be an integer of at least 1"),
            acquire_timeout: Duration::from_millis(reader.number(
                "DB_POOL_ACQUIRE_TIMEOUT",
                10_000,
                1..=600_000,
                "must be 1 to 600000 milliseconds",
            )),
        }
    }

    /// A pool smaller than what may ask for it at once makes activities wait for each other.
    pub(super) fn check_pool(&self, reader: &mut Reader<'_>, concurrent: usize) {
        if self.pool_max.is_some_and(|max| (max as usize) < concurrent) {
            reader.problem("DB_POOL_MAX", "must not be below MAX_CONCURRENT_ACTIVITIES times the number of queues");
        }
    }

    /// How a role signs in; `None` when it is not configured.
    pub(crate) fn options(&self, role: Role) -> Option<&PgConnectOptions> {
        match role {
            Role::Worker => self.worker.as_ref(),
            Role::Application => self.application.as_ref(),
            Role::Admin => self.admin.as_ref(),
        }
    }
}

/// How the challenge responder signs in: its own role (`TENANTRY_DB_RESPONDER_USER`) at the database of `DATABASE_URL` or
/// `DB_*`, else the worker's, else that of the URL. `None` without a database: it then answers from the cluster alone.
pub(crate) fn responder_database(reader: &mut Reader<'_>) -> Option<PgConnectOptions> {
    let settings = DatabaseSettings::read(reader, &[]);
    let user = reader.text("TENANTRY_DB_RESPONDER_USER");
    let password = reader.secret("TENANTRY_DB_RESPONDER_PASSWORD");
    match (user, password) {
        (Some(user), Some(password)) => Some(settings.base?.username(&user).password(password.expose())),
        (Some(_), None) => {
            // Never another role's password under this name.
            reader.problem("TENANTRY_DB_RESPONDER_PASSWORD", "is required with TENANTRY_DB_RESPONDER_USER");
            None
        }
        (None, _) => settings.worker,
    }
}

fn read_url(reader: &mut Reader<'_>) -> Option<PgConnectOptions> {
    let url = reader.secret("DATABASE_URL")?;
    if !url.expose().starts_with("postgres://") && !url.expose().starts_with("postgresql://") {
        reader.problem("DATABASE_URL", "must start with postgres:// or postgresql://");
        return None;
    }
    match url.expose().parse() {
        Ok(options) => Some(options),
        Err(_) => {
            reader.problem("DATABASE_URL", "is not a PostgreSQL URL");
            None
        }
    }
}
