//! The database of an appliance in a local stack. It stands beside `server`, which is the hosted product's: a row of licence
//! state means "appliance" to the application, and an appliance has one tenant, where the hosted sample has the vendor's too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::postgres::Postgres;

/// The database.
pub(crate) const DATABASE: &str = "appliance";

/// The appliance's tenant; `devstack/appliance/seed.sql` writes it.
pub const APPLIANCE_TENANT: &str = "5d1c0a9b-3e72-4f68-8b14-6a90c7d2e3f1";

/// The namespace that stands for the appliance's own Temporal: its worker polls the same queues as the vendor's.
pub(crate) const NAMESPACE: &str = "appliance";

/// The variables of a worker or command that runs on the appliance, from those of the stack; `None` where the stack has none.
/// Its ports are any free ones.
pub fn variables_of_appliance(stack: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let mut variables = stack.clone();
    let mut set = |name: &str, value: &str| variables.insert(name.to_owned(), value.to_owned());
    set("DATABASE_URL", stack.get("TENANTRY_DEV_APPLIANCE_DATABASE_URL")?);
    set("KUBECONFIG", stack.get("KUBECONFIG_ADMIN")?);
    set("TEMPORAL_NAMESPACE", NAMESPACE);
    set("TEMPORAL_TASK_QUEUES", "tenant-workflows");
    set("HEALTH_CHECK_PORT", "0");
    set("METRICS_PORT", "0");
    Some(variables)
}

/// The rows of an installed appliance, to be run after the product's tables.
pub(crate) fn seed(project: &Path) -> PathBuf {
    project.join("devstack/appliance/seed.sql")
}

/// The variables of a caller. The database is named by a URL, which wins over the host and name of the hosted product's; the
/// role is the worker's in both.
pub(crate) fn environment(postgres: &Postgres) -> Vec<(String, String)> {
    vec![
        ("TENANTRY_DEV_APPLIANCE_DATABASE_URL".to_owned(), postgres.url(DATABASE)),
        ("TENANTRY_DEV_APPLIANCE_TENANT".to_owned(), APPLIANCE_TENANT.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_has_the_tenant_and_leaves_everything_else_to_defaults() {
        let seed = include_str!("../appliance/seed.sql");
        assert!(seed.contains(APPLIANCE_TENANT));
        assert!(seed.contains("INSERT INTO license_state (edition_choice) VALUES ('ee');"));
    }
}
