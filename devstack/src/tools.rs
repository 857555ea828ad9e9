//! The executables of the stack: fetched and built once per user, then found in the cache.

use std::path::PathBuf;

use crate::error::StartError;
use crate::options::{Group, PartSet};
use crate::progress::Progress;
use crate::{golang, rust, wheels};

/// Where the executables are.
#[derive(Clone, Debug)]
pub struct Tools {
    /// `temporal`, `temporal-test-server`, `kubectl`, `envoy`, `psql` and the other programs of PostgreSQL, by name.
    pub bin: PathBuf,
    /// The PostgreSQL installation (with `bin/` and `lib/`).
    pub postgres: PathBuf,
    /// `devcluster`, `pilot-discovery` and `crds/`; `None` when no cluster is asked for.
    pub cluster: Option<PathBuf>,
    /// The object store; `None` when no downloads are asked for.
    pub object_store: Option<PathBuf>,
}

/// Fetches and builds what these parts need; quick when it is all there.
///
/// # Errors
/// [`StartError::Prepare`] says what is missing (Python, network, space) and the remedy.
pub async fn prepare(project: &std::path::Path, parts: &PartSet, progress: &dyn Progress) -> Result<Tools, StartError> {
    let wanted = parts.has(Group::Cluster) || parts.has(Group::Edge);
    let cluster = async {
        match wanted {
            true => golang::build(project, progress).await.map(Some),
            false => Ok(None),
        }
    };
    let object_store = async {
        match parts.has(Group::Downloads) {
            true => rust::object_store(project, progress).await.map(Some),
            false => Ok(None),
        }
    };
    let (wheels, cluster, object_store) = tokio::try_join!(wheels::install(project, progress), cluster, object_store)?;
    Ok(Tools { bin: wheels.join("bin"), postgres: wheels.join("postgres"), cluster, object_store })
}
