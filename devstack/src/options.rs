//! What a caller wants to be started.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// A group of parts that makes sense only together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The Temporal development server with its UI.
    Temporal,
    /// PostgreSQL with the database `server`.
    Postgres,
    /// A mail server that keeps every mail as a file.
    Mail,
    /// The sample zones.
    Dns,
    /// etcd, API server, controllers, cert-manager, ACME server and the self-check's proxy; needs [`Group::Dns`].
    Cluster,
    /// istiod and Envoy; needs [`Group::Cluster`].
    Edge,
    /// The sample application behind the edge.
    SampleApp,
    /// `tenantry challenge-responder`; needs [`Group::Postgres`] and [`Group::Cluster`].
    Responder,
    /// The object store with a stand-in for the appliance's image, and the page that leads to it.
    Downloads,
    /// `tenantry license-api` with a database of its own, and the database of an appliance; needs [`Group::Postgres`].
    License,
    /// `tenantry worker`; needs the groups it talks to.
    Worker,
}

impl Group {
    /// Every group, in the order of their start.
    pub const ALL: [Self; 11] = [
        Self::Temporal,
        Self::Postgres,
        Self::Mail,
        Self::Dns,
        Self::Cluster,
        Self::Edge,
        Self::SampleApp,
        Self::Responder,
        Self::Downloads,
        Self::License,
        Self::Worker,
    ];
}

/// The groups to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSet(BTreeSet<Group>);

impl PartSet {
    /// Names every group that this build can run. [`Group::License`] signs with the development key, which release builds
    /// do not trust.
    pub fn all() -> Self {
        let all = Self(Group::ALL.into());
        if cfg!(debug_assertions) { all } else { all.without(Group::License) }
    }

    /// Names these groups and no other.
    pub fn of(groups: &[Group]) -> Self {
        Self(groups.iter().copied().collect())
    }

    /// Takes one group out.
    #[must_use]
    pub fn without(mut self, group: Group) -> Self {
        self.0.remove(&group);
        self
    }

    /// Tells whether the group is named.
    pub fn has(&self, group: Group) -> bool {
        self.0.contains(&group)
    }
}

impl Default for PartSet {
    fn default() -> Self {
        Self::all()
    }
}

/// Whether the executable's own `migrate` runs once the database serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migrate {
    /// `<binary> migrate` runs before the first part that needs the schema.
    #[default]
    Yes,
    /// The caller does it, or does not want a schema.
    No,
}

/// What to start, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for data, logs and `stack.json`; made when missing. A stack is known by it.
    pub root: PathBuf,
    /// The `tenantry` executable: it runs our own parts, the worker and the responder.
    pub binary: PathBuf,
    /// The checkout with `devstack/` and `deploy/base/`; [`crate::find_project`] finds it.
    pub project: PathBuf,
    /// Fresh data, nothing kept, parts are killed rather than asked at the end, and the data folder goes with them.
    pub ephemeral: bool,
    /// What an earlier stack kept in this folder is removed before the start.
    pub fresh: bool,
    /// The stack outlives this process (`dev up`). Otherwise it ends with it, also after `kill -9`.
    pub background: bool,
    /// What to start.
    pub parts: PartSet,
    /// Migrate and apply also to a database or cluster that the environment points to.
    pub use_external: bool,
    /// Whether `<binary> migrate` runs.
    pub migrate: Migrate,
    /// SQL files, in order, for the database before the migration (the sample tables of the product).
    pub sql_files: Vec<PathBuf>,
    /// Variables for worker and responder beside those of [`crate::Stack::environment`]; these win.
    pub role_environment: Vec<(String, String)>,
    /// The pause of cert-manager after a failed issuance; `None` is its default of one hour.
    pub request_backoff: Option<std::time::Duration>,
}

impl Options {
    /// Describes a stack with every part and kept data, in the foreground.
    pub fn new(root: impl Into<PathBuf>, binary: impl Into<PathBuf>, project: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            binary: binary.into(),
            project: project.into(),
            ephemeral: false,
            fresh: false,
            background: false,
            parts: PartSet::all(),
            use_external: false,
            migrate: Migrate::Yes,
            sql_files: Vec::new(),
            role_environment: Vec::new(),
            request_backoff: None,
        }
    }

    /// Describes a stack for a test: fresh data, gone at the end.
    pub fn ephemeral(root: impl Into<PathBuf>, binary: impl Into<PathBuf>, project: impl Into<PathBuf>) -> Self {
        Self { ephemeral: true, ..Self::new(root, binary, project) }
    }
}
