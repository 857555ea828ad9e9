//! A database of its own for one test.

use futures::FutureExt as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool};
use std::panic::AssertUnwindSafe;
use store::{Role, Roles};
use uuid::Uuid;

/// The product's tables, on some of which the worker's role has rights.
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

/// Runs a test on a fresh database under the worker's role, and drops both afterwards, also when the test fails.
pub(crate) async fn with_database(test: impl AsyncFnOnce(&PgPool)) {
    let Ok(url) = std::env::var("TEST_DATABASE_URL") else {
        println!("not run: TEST_DATABASE_URL is not set");
        return;
    };
    let server = store::connect_options(&url).unwrap();
    let suffix = Uuid::new_v4().simple().to_string();
    let name = format!("licensing_test_{suffix}");
    let mut maintenance = server.connect().await.unwrap();
    maintenance.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
    let options = server.clone().database(&name);
    let admin = store::pool(options.clone(), 2);
    for text in PRODUCT {
        sqlx::raw_sql(text).execute(&admin).await.unwrap();
    }
    let roles = Roles {
        worker: Role::new(&format!("w_{suffix}"), Some("of-a-test")).unwrap(),
        responder: Role::new(&format!("r_{suffix}"), Some("of-a-test")).unwrap(),
    };
    store::migrate(&admin, &roles).await.unwrap();
    let worker = store::pool(options.username(roles.worker.name()).password("of-a-test"), 4);
    let outcome = AssertUnwindSafe(test(&worker)).catch_unwind().await;
    worker.close().await;
    admin.close().await;
    maintenance.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    for role in [roles.worker.name(), roles.responder.name()] {
        maintenance.execute(AssertSqlSafe(format!("DROP ROLE IF EXISTS {role}"))).await.unwrap();
    }
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
