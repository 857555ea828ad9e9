//! The settings of the service (licensing contract, section 7, last line, and section 11).

use crate::config::Reader;
use license::object_store::ObjectStore;
use license_api::secrets::SecretSources;
use license_api::settings::{
    CHECK_IN_URL_DEFAULT, Config, KeyFiles, POOL_MAX_DEFAULT, REPLAY_SECONDS_DEFAULT, Settings,
};
use model::license::budget::BudgetRules;
use model::license::install_code::{CodeLength, LENGTH_MAX, LENGTH_MIN, LIFETIME_DEFAULT_SECONDS, LIFETIME_SECONDS};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where the routes are when `PORT` is not set.
const PORT: u16 = 8080;
/// Where Prometheus asks when `METRICS_PORT` is not set, as for the worker.
const METRICS_PORT: u16 = 9090;
/// Name of the database when `DB_NAME` is not set.
pub(super) const DATABASE: &str = "license";

/// Who signs in: the service, or the owner of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    /// `DB_USER_APP`.
    Service,
    /// `DB_USER_ADMIN`.
    Admin,
}

/// Where the registry is, for one of its roles. None after a problem.
pub(super) fn database(reader: &mut Reader<'_>, sign_in: SignIn) -> Option<PgConnectOptions> {
    let (user_variable, password_variable, default) = match sign_in {
        SignIn::Service => ("DB_USER_APP", "DB_PASSWORD_APP", license_api::db::APP_ROLE),
        SignIn::Admin => ("DB_USER_ADMIN", "DB_PASSWORD_ADMIN", "postgres"),
    };
    let host = reader.text("DB_HOST");
    let port = reader.port("DB_PORT", 5432);
    let name = reader.text_or("DB_NAME", DATABASE);
    let user = reader.text_or(user_variable, default);
    let password = reader.secret(password_variable);
    let Some(host) = host else {
        reader.problem("DB_HOST", "is required");
        return None;
    };
    let options = PgConnectOptions::new_without_pgpass().host(&host).port(port).database(&name).username(&user);
    Some(match password {
        Some(password) => options.password(password.expose()),
        None => options,
    })
}

/// Reads everything. None when something required is missing, which is then a problem of the reader.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let bind: IpAddr =
        reader.parsed("TENANTRY_BIND_ADDRESS", "must be an IP address").unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let port = reader.port("PORT", PORT);
    let metrics_port = reader.port("METRICS_PORT", METRICS_PORT);
    let pool_max = reader.number("DB_POOL_MAX", POOL_MAX_DEFAULT, 1..=200, "must be 1 to 200");
    let database = database(reader, SignIn::Service);
    let secrets = secrets(reader);
    let keys = key_files(reader);
    let downloads = downloads(reader);
    let settings = settings(reader);
    Some(Config {
        listen: SocketAddr::new(bind, port),
        metrics_listen: SocketAddr::new(bind, metrics_port),
        database: database?,
        pool_max,
        secrets: secrets?,
        keys: keys?,
        downloads,
        settings,
    })
}

fn secrets(reader: &mut Reader<'_>) -> Option<SecretSources> {
    let mut secret = |name| reader.secret(name).map(|secret| SecretString::from(secret.expose()));
    let current = secret("ALGA_LICENSE_SERVICE_SECRET");
    let previous = secret("ALGA_LICENSE_SERVICE_SECRET_PREVIOUS");
    let sources = SecretSources {
        current,
        previous,
        current_file: reader.readable_file("ALGA_LICENSE_SERVICE_SECRET_FILE"),
        previous_file: reader.readable_file("ALGA_LICENSE_SERVICE_SECRET_PREVIOUS_FILE"),
        named_file: reader.readable_file("TENANTRY_LICENSE_SERVICE_SECRETS_FILE"),
    };
    if sources.current.is_none() && sources.current_file.is_none() && sources.named_file.is_none() {
        let what = "is required, or ALGA_LICENSE_SERVICE_SECRET_FILE, or TENANTRY_LICENSE_SERVICE_SECRETS_FILE";
        reader.problem("ALGA_LICENSE_SERVICE_SECRET", what);
        return None;
    }
    Some(sources)
}

fn key_files(reader: &mut Reader<'_>) -> Option<KeyFiles> {
    let signing = required_file(reader, "ALGA_LICENSE_PRIVATE_KEY_FILE");
    let kid = reader.text("ALGA_LICENSE_KID");
    if kid.is_none() {
        reader.problem("ALGA_LICENSE_KID", "is required");
    }
    let mint = required_file(reader, "TENANTRY_LICENSE_MINT_KEYS_FILE");
    let lookup = required_file(reader, "TENANTRY_LICENSE_LOOKUP_KEYS_FILE");
    let sealing = required_file(reader, "TENANTRY_SEALING_KEYS_FILE");
    let keyset = reader.readable_file("TENANTRY_LICENSE_KEYSET_FILE");
    Some(KeyFiles { signing: signing?, kid: kid?, mint: mint?, lookup: lookup?, sealing: sealing?, keyset })
}

fn required_file(reader: &mut Reader<'_>, variable: &'static str) -> Option<PathBuf> {
    if reader.text(variable).is_none() {
        reader.problem(variable, "is required");
        return None;
    }
    reader.readable_file(variable)
}

/// A partial set stops the start; none at all leaves links empty.
fn downloads(reader: &mut Reader<'_>) -> Option<ObjectStore> {
    let store = ObjectStore::from_settings(|name| match name {
        "OBJECT_STORE_SECRET_KEY" => reader.secret(name).map(|secret| SecretString::from(secret.expose())),
        other => reader.text(other).map(SecretString::from),
    });
    match store {
        Ok(store) => store,
        Err(error) => {
            let what = match error {
                license::object_store::ObjectStoreError::Partial { .. } => {
                    "must be set together with _REGION, _BUCKET, _ACCESS_KEY and _SECRET_KEY, or none of them"
                }
                license::object_store::ObjectStoreError::Endpoint => {
                    "must be http(s) with a host, and no path, query or user"
                }
            };
            reader.problem("OBJECT_STORE_ENDPOINT", what);
            None
        }
    }
}

fn settings(reader: &mut Reader<'_>) -> Settings {
    let default = Settings::default();
    let length = reader.number("INSTALL_CODE_LENGTH", LENGTH_MIN, LENGTH_MIN..=LENGTH_MAX, "must be 8 to 26");
    let check_in_url = reader.text_or("TENANTRY_LICENSE_CHECK_IN_URL", CHECK_IN_URL_DEFAULT);
    let is_local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    if !check_in_url.starts_with("https://") && !is_local.iter().any(|begin| check_in_url.starts_with(begin)) {
        reader.problem("TENANTRY_LICENSE_CHECK_IN_URL", "must begin with https://");
    }
    let budgets = match reader.text("TENANTRY_LICENSE_ATTEMPT_BUDGETS").map(|text| BudgetRules::parse(&text)) {
        None => default.budgets,
        Some(Ok(budgets)) => budgets,
        Some(Err(_)) => {
            reader.problem(
                "TENANTRY_LICENSE_ATTEMPT_BUDGETS",
                "must be words such as source=20/900 (attempts/seconds), cap=5000, with commas between them",
            );
            default.budgets
        }
    };
    Settings {
        budgets,
        code_length: CodeLength::new(length).unwrap_or_default(),
        code_ttl_seconds: reader.number(
            "CLAIM_CODE_TTL_SECONDS",
            LIFETIME_DEFAULT_SECONDS,
            LIFETIME_SECONDS,
            "must be 3600 to 7776000",
        ),
        check_in_url,
        replay_seconds: reader.number(
            "TENANTRY_LICENSE_REPLAY_SECONDS",
            REPLAY_SECONDS_DEFAULT,
            3_600..=30 * 86_400,
            "must be 3600 to 2592000",
        ),
        trusted_proxies: reader.list("TENANTRY_LICENSE_TRUSTED_PROXIES", "must be networks such as 10.0.0.0/8"),
        concurrency_max: reader.number(
            "TENANTRY_LICENSE_CONCURRENCY_MAX",
            default.concurrency_max,
            1..=10_000,
            "must be 1 to 10000",
        ),
        connections_max: reader.number(
            "TENANTRY_LICENSE_CONNECTIONS_MAX",
            default.connections_max,
            1..=100_000,
            "must be 1 to 100000",
        ),
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[track_caller]
    fn problems(settings: &[(&str, &str)]) -> Vec<&'static str> {
        let source = Source::of(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut reader = Reader::new(&source);
        let config = read(&mut reader);
        let problems = reader.finish(()).err().map(|problems| problems.0).unwrap_or_default();
        assert!(config.is_some() || !problems.is_empty());
        problems.into_iter().map(|problem| problem.variable).collect()
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let expected = [
            "ALGA_LICENSE_KID",
            "ALGA_LICENSE_PRIVATE_KEY_FILE",
            "ALGA_LICENSE_SERVICE_SECRET",
            "DB_HOST",
            "TENANTRY_LICENSE_LOOKUP_KEYS_FILE",
            "TENANTRY_LICENSE_MINT_KEYS_FILE",
            "TENANTRY_SEALING_KEYS_FILE",
        ];
        assert_eq!(problems(&[]), expected);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let found = problems(&[
            ("INSTALL_CODE_LENGTH", "7"),
            ("CLAIM_CODE_TTL_SECONDS", "10"),
            ("TENANTRY_LICENSE_CHECK_IN_URL", "http://license.example/check-in"),
            ("TENANTRY_LICENSE_TRUSTED_PROXIES", "10.0.0.0/8 nobody"),
            ("OBJECT_STORE_REGION", "eu-central-1"),
        ]);
        for variable in [
            "INSTALL_CODE_LENGTH",
            "CLAIM_CODE_TTL_SECONDS",
            "TENANTRY_LICENSE_CHECK_IN_URL",
            "TENANTRY_LICENSE_TRUSTED_PROXIES",
            "OBJECT_STORE_ENDPOINT",
        ] {
            assert!(found.contains(&variable), "{variable}: {found:?}");
        }
    }
}
