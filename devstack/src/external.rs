//! Parts that the environment already points to are never started, and never changed without being told to.

use std::collections::BTreeMap;
use std::env;

/// Set by `dev env` beside the variables of production: they come from a stack in this folder.
pub const STACK_VARIABLE: &str = "TENANTRY_DEV_STACK";

/// The database or the cluster that the environment points to is somebody else's: nothing is written there unless it was
/// asked for. A Temporal of somebody else gets the sample's run, as any caller would start it.
pub fn points_outside() -> bool {
    External::read().holds_data()
}

/// The variables of production, as this process sees them.
#[derive(Clone, Debug, Default)]
pub(crate) struct External {
    /// Temporal's variables, when `TEMPORAL_ADDRESS` is set.
    pub(crate) temporal: Option<BTreeMap<String, String>>,
    /// The database's variables, when `DATABASE_URL` or `DB_HOST` is set.
    pub(crate) database: Option<BTreeMap<String, String>>,
    /// `KUBECONFIG`, when it is set.
    pub(crate) kubeconfig: Option<String>,
}

impl External {
    /// Reads the environment. In a shell of `dev env` the variables point to a stack of ours, running or ended: they are
    /// nothing of somebody else's.
    pub(crate) fn read() -> Self {
        match env::var_os(STACK_VARIABLE) {
            Some(_) => Self::default(),
            None => Self::from(env::vars()),
        }
    }

    /// A database or a cluster of somebody else is named.
    pub(crate) const fn holds_data(&self) -> bool {
        self.database.is_some() || self.kubeconfig.is_some()
    }

    fn from(vars: impl Iterator<Item = (String, String)>) -> Self {
        let vars: BTreeMap<String, String> = vars.filter(|(_, value)| !value.is_empty()).collect();
        let starting = |prefixes: &[&str]| {
            let ours = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
            vars.iter().filter(|(name, _)| ours(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        Self {
            temporal: vars.contains_key("TEMPORAL_ADDRESS").then(|| starting(&["TEMPORAL_"])),
            database: (vars.contains_key("DATABASE_URL") || vars.keys().any(|name| name.starts_with("DB_HOST")))
                .then(|| starting(&["DATABASE_URL", "DB_", "TENANTRY_DB_"])),
            kubeconfig: vars.get("KUBECONFIG").cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_points_to_nothing() {
        let vars = [("TEMPORAL_ADDRESS", ""), ("DB_HOST", "db"), ("DB_PORT", "5433")];
        let read = External::from(vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(read.temporal.is_none() && read.kubeconfig.is_none());
        assert_eq!(read.database.unwrap().len(), 2);
    }
}
