//! A database of its own for one test.

use futures::FutureExt;
use model::portal::network::NetworkPolicy;
use proto::v1 as wire;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use std::panic::AssertUnwindSafe;
use store::{Role, Roles, Settings, StoreActivities};
use uuid::Uuid;

/// The instant at which every test begins, in Unix milliseconds.
pub(crate) const T0: i64 = 1_800_000_000_000;
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const DAY: i64 = 24 * 60 * MINUTE;

/// The product's tables, in the order of their names.
const PRODUCT: [&str; 9] = [
    include_str!("../../../../devstack/product-schema/1_tenants.sql"),
    include_str!("../../../../devstack/product-schema/2_portal_domains.sql"),
    include_str!("../../../../devstack/product-schema/3_countries.sql"),
    include_str!("../../../../devstack/product-schema/4_clients.sql"),
    include_str!("../../../../devstack/product-schema/5_roles.sql"),
    include_str!("../../../../devstack/product-schema/6_settings.sql"),
    include_str!("../../../../devstack/product-schema/7_billing.sql"),
    include_str!("../../../../devstack/product-schema/8_notifications.sql"),
    include_str!("../../../../devstack/product-schema/9_app_user.sql"),
];

/// A migrated database, and the ways into it.
pub(crate) struct Db {
    pub(crate) admin: PgPool,
    pub(crate) worker: PgPool,
    pub(crate) responder: PgPool,
    pub(crate) app: PgPool,
    pub(crate) store: StoreActivities,
    pub(crate) roles: Roles,
    pub(crate) first_report: store::Report,
    pub(crate) options: PgConnectOptions,
}

/// Runs a test on a fresh database, and drops the database and its roles afterwards, also when the test fails.
pub(crate) async fn with_database(test: impl AsyncFnOnce(&Db)) {
    let Ok(url) = std::env::var("TEST_DATABASE_URL") else {
        println!("not run: TEST_DATABASE_URL is not set");
        return;
    };
    let server = store::connect_options(&url).unwrap();
    let suffix = Uuid::new_v4().simple().to_string();
    let name = format!("store_test_{suffix}");
    let mut maintenance = server.connect().await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let db = Db::new(server.clone().database(&name), &suffix).await;
    let outcome = AssertUnwindSafe(test(&db)).catch_unwind().await;
    for pool in [&db.admin, &db.worker, &db.responder, &db.app] {
        pool.close().await;
    }
    maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    for role in [db.roles.worker.name(), db.roles.responder.name(), &format!("a_{suffix}")] {
        maintenance.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}"))).await.unwrap();
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl Db {
    async fn new(options: PgConnectOptions, suffix: &str) -> Self {
        let admin = store::pool(options.clone(), 4);
        for text in PRODUCT {
            sqlx::raw_sql(text).execute(&admin).await.unwrap();
        }
        let secret = "pass word'$\\ of a test";
        let roles = Roles {
            worker: Role::new(&format!("w_{suffix}"), Some(secret)).unwrap(),
            responder: Role::new(&format!("r_{suffix}"), Some(secret)).unwrap(),
        };
        let first_report = store::migrate(&admin, &roles).await.unwrap();
        let app = format!(
            "CREATE ROLE a_{suffix} LOGIN PASSWORD 'app';
             GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, users, portal_domains, portal_domain_session_otts TO a_{suffix}"
        );
        sqlx::raw_sql(AssertSqlSafe(app)).execute(&admin).await.unwrap();
        let pool = |name: &str, password: &str| store::pool(options.clone().username(name).password(password), 4);
        let worker = pool(roles.worker.name(), secret);
        Self {
            responder: pool(roles.responder.name(), secret),
            app: pool(&format!("a_{suffix}"), "app"),
            store: StoreActivities::new(worker.clone(), settings()),
            admin,
            worker,
            roles,
            first_report,
            options,
        }
    }

    /// Makes a tenant. Its id is random, so its canonical host is too.
    pub(crate) async fn tenant(&self) -> Uuid {
        let tenant = Uuid::new_v4();
        sqlx::query(
            "INSERT INTO tenants (tenant, client_name, email) VALUES ($1, 'Sample', 'sample@customer.example')",
        )
        .bind(tenant)
        .execute(&self.admin)
        .await
        .unwrap();
        tenant
    }

    /// Registers a host as the web application does.
    pub(crate) async fn register(&self, tenant: Uuid, host: &str) -> Uuid {
        store::register(&self.app, tenant, host, &canonical(tenant)).await.unwrap().portal_domain_id
    }

    /// Makes a tenant with a host.
    pub(crate) async fn registered(&self, host: &str) -> (Uuid, Uuid) {
        let tenant = self.tenant().await;
        (tenant, self.register(tenant, host).await)
    }

    /// Loads a domain at an instant.
    pub(crate) async fn load(&self, tenant: Uuid, id: Uuid, now_ms: i64) -> wire::DomainRecord {
        let request = wire::LoadDomainRequest {
            tenant_id: tenant.to_string(),
            portal_domain_id: id.to_string(),
            now_ms,
            workflow_id: format!("portal-domain:{tenant}"),
        };
        self.store.load(&request).await.unwrap()
    }

    /// Loads a domain and puts a status on it.
    pub(crate) async fn put_status(&self, tenant: Uuid, id: Uuid, status: &str, now_ms: i64) -> wire::WriteStatusReply {
        let loaded = self.load(tenant, id, now_ms).await;
        self.store.write(&write(&loaded, status, now_ms)).await.unwrap()
    }

    /// Runs any text as the administrator.
    pub(crate) async fn execute(&self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&self.admin).await.unwrap();
    }

    /// Reads one value of any text as the administrator.
    pub(crate) async fn value(&self, text: &str) -> String {
        let text = AssertSqlSafe(format!("SELECT coalesce(({text})::text, 'NULL')"));
        sqlx::query_scalar(text).fetch_one(&self.admin).await.unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        reserved_zones: vec!["reserved.example".to_owned()],
        network: NetworkPolicy::dev(["example"], ["127.0.0.0/8"]).unwrap(),
        run: wire::RunSettings { worker_build: "test-build".to_owned(), dns_confirm_ms: 20_000, ..Default::default() },
    }
}

pub(crate) fn canonical(tenant: Uuid) -> String {
    store::canonical_host(&tenant.to_string(), Some("https://psa.example"))
}

/// A request that writes a status on what was loaded.
pub(crate) fn write(loaded: &wire::DomainRecord, status: &str, now_ms: i64) -> wire::WriteStatusRequest {
    let claim = loaded.claim.as_ref().unwrap();
    wire::WriteStatusRequest {
        base: loaded.row.clone(),
        status: status.to_owned(),
        status_message: format!("It is {status}."),
        now_ms,
        looked: true,
        generation: claim.generation,
        fence: claim.fence,
        ..Default::default()
    }
}

/// An object of an inventory.
pub(crate) fn object(generation: u64, kind: &str, name: &str, host: &str) -> wire::InventoryObject {
    wire::InventoryObject {
        generation,
        kind: kind.to_owned(),
        namespace: "msp".to_owned(),
        name: name.to_owned(),
        uid: String::new(),
        host: host.to_owned(),
    }
}

/// A request that records objects under the fence of what was loaded.
pub(crate) fn inventory(
    loaded: &wire::DomainRecord,
    objects: Vec<wire::InventoryObject>,
    removed: Vec<wire::InventoryObject>,
    now_ms: i64,
) -> wire::RecordInventoryRequest {
    let claim = loaded.claim.as_ref().unwrap();
    wire::RecordInventoryRequest {
        tenant_id: claim.tenant_id.clone(),
        portal_domain_id: claim.portal_domain_id.clone(),
        fence: claim.fence,
        objects,
        removed,
        now_ms,
        wanted_domain: String::new(),
    }
}
