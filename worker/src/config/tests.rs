//! Tables over whole environments, and the rule that no secret is ever shown.

use super::{ClientSettings, QueueRole, Role, Source, WorkerSettings};
use proptest::prelude::*;
use std::sync::LazyLock;

const GOOD: [(&str, &str); 7] = [
    ("DB_HOST", "db.example"),
    ("TENANTRY_DB_USER", "tenantry_worker"),
    ("TENANTRY_DB_PASSWORD", "s3cret-worker"),
    ("PORTAL_DOMAIN_SERVICE_HOST", "app.msp.svc.cluster.local"),
    ("SECRET_FS_BASE_PATH", "/nowhere"),
    ("APPLICATION_URL", "https://app.example"),
    ("NEXTAUTH_SECRET", "s3cret-pepper"),
];

/// A key file of this process: 32 bytes in base64 each, none of them real.
fn keys_file() -> &'static str {
    static FILE: LazyLock<(tempfile::TempDir, String)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keys");
        let key = |letter: &str| format!("{}AQ{}A=", letter.repeat(20), letter.repeat(20));
        std::fs::write(&path, format!("hash {}\n2026-01 {}\n", key("B"), key("C"))).expect("written");
        let path = path.to_str().expect("utf-8").to_owned();
        (folder, path)
    });
    &FILE.1
}

fn source(more: &[(&str, &str)]) -> Source {
    // An empty value counts as absent, so a table can also take a variable away.
    let keys = [("TENANTRY_SEALING_KEYS_FILE", keys_file())];
    Source::of(GOOD.iter().chain(&keys).chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[track_caller]
fn check(more: &[(&str, &str)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> = match WorkerSettings::parse(&source(more)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(|problem| (problem.variable, problem.what)).collect(),
    };
    assert_eq!(found, expected);
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = WorkerSettings::parse(&source(&[])).expect("valid");
    assert_eq!(settings.temporal.address, "temporal-frontend.temporal.svc.cluster.local:7233");
    assert_eq!(settings.temporal.namespace, "default");
    assert!(settings.temporal.deployment.is_none() && !settings.temporal.tls);
    let queues: Vec<&str> = settings.temporal.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(queues, ["tenant-workflows", "tenant-lifecycle-workflows", "portal-domain-workflows"]);
    assert_eq!((settings.process.health_port, settings.process.metrics_port), (8080, 9090));
    assert_eq!((settings.process.max_concurrent_activities, settings.process.max_concurrent_workflows), (10, 10));
    let portal = settings.portal.expect("portal queue is served");
    assert_eq!((portal.edge.service_port, portal.edge.cert_namespace.as_str()), (3000, "msp"));
    assert_eq!((portal.external_http_port, portal.external_https_port), (80, 443));
    assert!(portal.network.is_production() && portal.dns_root_hints.is_empty());
}

#[test]
fn every_problem_is_reported_at_once() {
    check(
        &[
            ("NODE_ENV", "production"),
            ("MAX_CONCURRENT_ACTIVITIES", "0"),
            ("HEALTH_CHECK_PORT", "eighty"),
            ("PORTAL_DOMAIN_SERVICE_HOST", ""),
            ("PORTAL_DOMAIN_GATEWAY_SELECTOR", "{\"istio\":1}"),
            ("TENANTRY_DEV_NETWORK", "example.test;127.0.0.0/8"),
        ],
        &[
            ("EMAIL_PROVIDER", "is required with NODE_ENV=production: resend or smtp"),
            ("HEALTH_CHECK_PORT", "must be a port, 0 to 65535"),
            ("ITERATIONS", "is required with NODE_ENV=production: it must be the application's own"),
            ("MAX_CONCURRENT_ACTIVITIES", "must be an integer of at least 1"),
            ("PORTAL_DOMAIN_GATEWAY_SELECTOR", "must be a JSON object of strings, not empty"),
            ("PORTAL_DOMAIN_SERVICE_HOST", "is required"),
            ("RESEND_DEFAULT_FROM_ADDRESS", "must not be an address of example.com with NODE_ENV=production"),
            ("TEMPORAL_ADDRESS", "is required with NODE_ENV=production"),
            ("TENANTRY_DEV_NETWORK", "is refused with NODE_ENV=production"),
        ],
    );
}

#[test]
fn queues_are_trimmed_and_duplicates_are_dropped() {
    let list = " tenant-workflows ,, portal-domain-workflows,tenant-workflows";
    let settings = WorkerSettings::parse(&source(&[("TEMPORAL_TASK_QUEUES", list), ("TEMPORAL_TASK_QUEUE", "x")]));
    let queues = settings.expect("valid").temporal.queues;
    let found: Vec<_> = queues.iter().map(|queue| (queue.name.as_str(), queue.role)).collect();
    assert_eq!(found, [("tenant-workflows", QueueRole::Tenant), ("portal-domain-workflows", QueueRole::PortalDomain)]);
    let unknown = "names a queue that this build does not serve";
    check(&[("TEMPORAL_TASK_QUEUE", "tenant-workflows,mail")], &[("TEMPORAL_TASK_QUEUE", unknown)]);
    check(&[("TEMPORAL_TASK_QUEUES", " , ")], &[("TEMPORAL_TASK_QUEUES", "names no queue")]);
    let foreign = "names a queue of another service, whose tasks must not be taken away";
    check(&[("TEMPORAL_TASK_QUEUES", "tenant-workflows,workflow-runtime-v2")], &[("TEMPORAL_TASK_QUEUES", foreign)]);
}

#[test]
fn each_queue_asks_for_its_own_settings_only() {
    let tenants = source(&[("TEMPORAL_TASK_QUEUES", "tenant-workflows"), ("PORTAL_DOMAIN_SERVICE_HOST", "")]);
    let settings = WorkerSettings::parse(&tenants).expect("valid");
    assert!(settings.database.is_some() && settings.tenancy.is_some() && settings.portal.is_none());
    let none = [("APPLICATION_URL", ""), ("NEXTAUTH_SECRET", ""), ("TENANTRY_SEALING_KEYS_FILE", "")];
    let domains = source(&[&[("TEMPORAL_TASK_QUEUES", "portal-domain-workflows")][..], &none].concat());
    let settings = WorkerSettings::parse(&domains).expect("valid");
    assert!(settings.tenancy.is_none() && settings.portal.is_some());
}

#[test]
fn settings_of_tenants_are_checked_together() {
    let url = "must be an https URL, or an http one of this machine";
    check(
        &[
            ("EMAIL_PROVIDER", "sendgrid"),
            ("CREDENTIAL_MODE", "link"),
            ("NM_STORE_URL", "http://shop.example"),
            ("ALGORITHM", "md5"),
            ("ITERATIONS", "1e4"),
            ("SALT_BYTES", "-1"),
            ("KEY_LENGTH", "4096"),
            ("WELCOME_SUPPORT_URL", "portal.example"),
            ("APPLICATION_URL", "https:// app.example"),
            ("MANAGEMENT_TENANT_ID", "acme"),
            ("NEXTAUTH_SECRET", "changeme"),
            ("SEED_PACK_DIR", "/etc/seeds"),
        ],
        &[
            ("ALGORITHM", "must be sha512 or sha256"),
            ("APPLICATION_URL", "must be an http or https URL"),
            ("CREDENTIAL_MODE", "needs ALGA_WEBHOOK_SECRET to be link"),
            ("EMAIL_PROVIDER", "must be resend, smtp or mock"),
            ("INTERNAL_API_SHARED_SECRET", "is required with NMSTORE_BASE_URL (or ALGA_AUTH_KEY)"),
            ("ITERATIONS", "must be a plain decimal number"),
            ("KEY_LENGTH", "is out of range"),
            ("MANAGEMENT_TENANT_ID", "must be a UUID"),
            ("NEXTAUTH_SECRET", "is a placeholder, not a secret"),
            ("NM_STORE_URL", url),
            ("SALT_BYTES", "must be a plain decimal number"),
            ("SEED_PACK_DIR", "must not be set: seed packs cannot be applied yet, results list what is missing"),
            ("TEMPORAL_WEBHOOK_SECRET", "is required"),
            ("WELCOME_SUPPORT_URL", "must be an http or https URL"),
        ],
    );
    check(
        &[
            ("EMAIL_PROVIDER", "smtp"),
            ("SMTP_PORT", "0"),
            ("SMTP_CA_FILE", "/nowhere/ca"),
            ("SMTP_TLS", "off"),
            ("SMTP_USER", "u"),
        ],
        &[
            ("SMTP_CA_FILE", "names a file that cannot be read"),
            ("SMTP_HOST", "is required with EMAIL_PROVIDER=smtp"),
            ("SMTP_PASSWORD", "is required with SMTP_USER"),
            ("SMTP_PORT", "must be a port, 1 to 65535"),
            ("SMTP_TLS", "must be starttls or tls with SMTP_USER: a password never goes in the clear"),
        ],
    );
    check(
        &[
            ("EMAIL_PROVIDER", "smtp"),
            ("SMTP_HOST", "mail.example"),
            ("SMTP_USER", "u"),
            ("SMTP_PASSWORD", "p4ss"),
            ("SMTP_TLS", "off"),
        ],
        &[("SMTP_TLS", "must be starttls or tls with SMTP_USER: a password never goes in the clear")],
    );
    for bad in ["http://mail.example", "mail.example", "https://mail.example/?x"] {
        let both = [("RESEND_API_KEY", "is required"), ("RESEND_API_URL", url)];
        check(&[("EMAIL_PROVIDER", "resend"), ("RESEND_API_URL", bad)], &both);
    }
    check(&[("EMAIL_PROVIDER", "resend"), ("RESEND_API_KEY", "re_x"), ("SALT_BYTES", "0")], &[]);
}

#[test]
fn production_gives_the_worker_a_role_of_its_own() {
    let admin = [
        ("TENANTRY_DB_USER", ""),
        ("TENANTRY_DB_PASSWORD", ""),
        ("DB_USER_ADMIN", "postgres"),
        ("DB_PASSWORD_ADMIN", "s3cret"),
    ];
    let production = [
        ("NODE_ENV", "production"),
        ("TEMPORAL_ADDRESS", "t:7233"),
        ("EMAIL_PROVIDER", "resend"),
        ("RESEND_API_KEY", "re_x"),
        ("RESEND_DEFAULT_FROM_ADDRESS", "noreply@vendor.example"),
        ("ITERATIONS", "1000"),
    ];
    let what = "is required with NODE_ENV=production: the worker must not sign in as DB_USER_ADMIN";
    check(&admin, &[]);
    check(&[&admin[..], &production].concat(), &[("TENANTRY_DB_USER", what)]);
    check(&[&admin[..], &production, &[("TENANTRY_ALLOW_SUPERUSER", "true")]].concat(), &[]);
}

#[test]
fn a_key_file_is_checked_without_showing_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys");
    let name = path.to_str().expect("utf-8");
    let variable = "TENANTRY_SEALING_KEYS_FILE";
    std::fs::write(&path, "2026-01 not-base64").expect("written");
    check(
        &[(variable, name)],
        &[(variable, "names a file that is no key file: each line is an id and 32 bytes in base64")],
    );
    let key = format!("{}AQ{}A=", "B".repeat(20), "B".repeat(20));
    std::fs::write(&path, format!("2026-01 {key}\n")).expect("written");
    check(&[(variable, name)], &[(variable, "names a file without the line `hash`")]);
}

#[test]
fn network_settings_are_checked_for_shape() {
    let shape = "must be <zone,zone>;<cidr,cidr>";
    for bad in ["example.test", "example.test;127.0.0.1", "x_?;127.0.0.0/8", "a.test;127.0.0.0/33"] {
        check(&[("TENANTRY_DEV_NETWORK", bad)], &[("TENANTRY_DEV_NETWORK", shape)]);
    }
    check(&[("TENANTRY_DEV_NETWORK", "shop.test, acme.test;127.0.0.0/8,::1/128")], &[]);
    check(
        &[("PORTAL_DOMAIN_DNS_RESOLVERS", "127.0.0.1")],
        &[("PORTAL_DOMAIN_DNS_RESOLVERS", "must be a list of ip:port")],
    );
    check(
        &[("PORTAL_DOMAIN_DNS_RESOLVERS", "127.0.0.1:5300,[::1]:53"), ("PORTAL_DOMAIN_DNS_ROOT_HINTS", "127.0.0.2")],
        &[],
    );
}

#[test]
fn the_challenge_service_is_on_with_its_host() {
    let on = |more: &[(&str, &str)]| {
        WorkerSettings::parse(&source(more)).expect("valid").portal.expect("portal").edge.challenge_host
    };
    assert_eq!(on(&[("PORTAL_DOMAIN_CHALLENGE_HOST", "c.msp")]), Some("c.msp".to_owned()));
    assert_eq!(on(&[("PORTAL_DOMAIN_CHALLENGE_HOST", "c.msp"), ("PORTAL_DOMAIN_CHALLENGE_ENABLED", "no")]), None);
    check(
        &[("PORTAL_DOMAIN_CHALLENGE_ENABLED", "TRUE")],
        &[("PORTAL_DOMAIN_CHALLENGE_HOST", "is required when the challenge service is enabled")],
    );
}

#[test]
fn a_database_url_beats_the_single_variables_and_keeps_its_user() {
    let url = ("DATABASE_URL", "postgres://worker:pw@url.example:6000/product");
    let settings = ClientSettings::parse(&source(&[url, ("TENANTRY_DB_USER", "")]), &[Role::Worker]).expect("valid");
    let options = settings.database.options(Role::Worker).expect("configured");
    assert_eq!((options.get_host(), options.get_port(), options.get_username()), ("url.example", 6000, "worker"));
    assert!(settings.database.options(Role::Application).is_none());
}

#[test]
fn acting_as_the_web_application_is_refused_with_the_workers_role_alone() {
    let problems = ClientSettings::parse(&source(&[]), &[Role::Application]).expect_err("refused");
    assert!(problems.to_string().contains("DB_USER_SERVER: is required: this command acts as the web application"));
    let with = source(&[("DB_USER_SERVER", "app_user"), ("DB_PASSWORD_SERVER", "s3cret-app")]);
    let settings = ClientSettings::parse(&with, &[Role::Application]).expect("valid");
    assert_eq!(settings.database.options(Role::Application).expect("configured").get_username(), "app_user");
}

#[test]
fn secrets_come_from_lower_case_then_file_then_upper_case() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("db_password_server"), " from-file \n").expect("written");
    let base = folder.path().to_str().expect("utf-8");
    let read = |more: &[(&str, &str)]| {
        let source = source(&[&[("SECRET_FS_BASE_PATH", base)], more].concat());
        super::Reader::new(&source).secret("DB_PASSWORD_SERVER").expect("found").expose().to_owned()
    };
    assert_eq!(read(&[("DB_PASSWORD_SERVER", "upper")]), "from-file");
    assert_eq!(read(&[("DB_PASSWORD_SERVER", "upper"), ("db_password_server", "lower")]), "lower");
    assert_eq!(read(&[("DB_PASSWORD_SERVER", "upper"), ("SECRET_READ_CHAIN", "env")]), "upper");
    check(&[("SECRET_READ_CHAIN", "env,vault")], &[("SECRET_READ_CHAIN", "may name env and filesystem only")]);
}

#[test]
fn an_address_of_temporal_has_its_form() {
    let what = "must be host:port, or an http or https URL";
    for bad in ["bad addr", "temporal", "temporal:", "temporal:70000", "ftp://temporal:7233", "http://", "a:1,b:2"] {
        check(&[("TEMPORAL_ADDRESS", bad)], &[("TEMPORAL_ADDRESS", what)]);
    }
    for good in
        ["temporal:7233", "127.0.0.1:7233", "[::1]:7233", "temporal:80", "https://t.example", "http://t.example:7233"]
    {
        check(&[("TEMPORAL_ADDRESS", good)], &[]);
    }
}

#[test]
fn a_mounted_secret_that_cannot_be_read_is_told_as_such() {
    let folder = tempfile::tempdir().expect("folder");
    let base = folder.path().to_str().expect("utf-8");
    let path = folder.path().join("nextauth_secret");
    let at = |what| check(&[("SECRET_FS_BASE_PATH", base)], &[("NEXTAUTH_SECRET", what)]);
    std::fs::write(&path, [0xff, 0xfe, 0x00]).expect("written");
    at("is mounted as a file that is no text (UTF-8)");
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("a folder");
    at("is mounted as something else than a file");
    std::fs::remove_dir(&path).expect("removed");
    // A pipe without a writer: opening it would wait for ever.
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    at("is mounted as something else than a file");
    let pipe = path.to_str().expect("utf-8");
    let cannot = "names a file that cannot be read";
    check(
        &[("TENANTRY_SEALING_KEYS_FILE", pipe), ("TEMPORAL_API_KEY_FILE", pipe)],
        &[("TEMPORAL_API_KEY_FILE", cannot), ("TENANTRY_SEALING_KEYS_FILE", cannot)],
    );
    let binary = folder.path().join("key");
    std::fs::write(&binary, [0xff, 0xfe]).expect("written");
    let binary = binary.to_str().expect("utf-8");
    check(&[("TEMPORAL_API_KEY_FILE", binary)], &[("TEMPORAL_API_KEY_FILE", "names a file that is no text (UTF-8)")]);
}

#[test]
fn a_placeholder_is_no_secret() {
    let what = [
        ("TENANTRY_DB_PASSWORD", "is a placeholder, not a secret"),
        ("TENANTRY_DB_PASSWORD", "is required with TENANTRY_DB_USER"),
    ];
    check(&[("TENANTRY_DB_PASSWORD", "changeme")], &what);
}

proptest! {
    /// No value of a secret ever appears in an error or in `Debug`, whatever else is wrong.
    #[test]
    fn no_secret_is_shown(secret in "Zq[a-z0-9]{12,40}", broken in any::<bool>(), url in any::<bool>()) {
        let folder = tempfile::tempdir().expect("folder");
        let key_file = folder.path().join("key");
        std::fs::write(&key_file, &secret).expect("written");
        let database_url = if url { format!("postgres://u:{secret}@h/db") } else { format!("mysql://u:{secret}@h/db") };
        let source = source(&[
            ("TENANTRY_DB_PASSWORD", &secret), ("DB_PASSWORD_SERVER", &secret), ("DB_PASSWORD_ADMIN", &secret),
            ("DATABASE_URL", &database_url), ("TEMPORAL_API_KEY", &secret),
            ("TEMPORAL_API_KEY_FILE", key_file.to_str().expect("utf-8")),
            ("HEALTH_CHECK_PORT", if broken { secret.as_str() } else { "8080" }),
            ("PORTAL_DOMAIN_GATEWAY_SELECTOR", if broken { secret.as_str() } else { "" }),
            ("NEXTAUTH_SECRET", &secret), ("STRIPE_SECRET_KEY", &secret), ("ALGA_WEBHOOK_SECRET", &secret),
            ("ALGA_APP_BASE_URL", "https://app.example"), ("NMSTORE_BASE_URL", "https://shop.example"),
            ("TEMPORAL_WEBHOOK_SECRET", &secret), ("INTERNAL_API_SHARED_SECRET", &secret),
            ("EMAIL_PROVIDER", "resend"), ("RESEND_API_KEY", &secret),
        ]);
        let shown = match WorkerSettings::parse(&source) {
            Ok(settings) => format!("{settings:?} {:?}", source),
            Err(problems) => format!("{problems} {problems:?}"),
        };
        prop_assert!(!shown.contains(&secret), "{shown}");
    }
}

#[test]
fn the_responder_needs_no_role_but_its_own() {
    let vars = |more: &[(&str, &str)]| {
        let own = [("DB_HOST", "db.example"), ("TENANTRY_DB_RESPONDER_USER", "tenantry_responder")];
        Source::of(own.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    };
    let source = vars(&[("TENANTRY_DB_RESPONDER_PASSWORD", "s3cret-of-a-test")]);
    let mut reader = super::source::Reader::new(&source);
    let options = super::responder_database(&mut reader).expect("a database");
    assert_eq!((options.get_host(), options.get_username()), ("db.example", "tenantry_responder"));
    assert!(reader.finish(()).is_ok());

    let source = vars(&[("TENANTRY_DB_USER", "tenantry_worker"), ("TENANTRY_DB_PASSWORD", "the-workers")]);
    let mut reader = super::source::Reader::new(&source);
    assert!(super::responder_database(&mut reader).is_none());
    let problems = reader.finish(()).expect_err("no password");
    assert!(problems.0.iter().all(|p| p.variable == "TENANTRY_DB_RESPONDER_PASSWORD"), "{problems:?}");
}
