//! Brings a stack up: tools, ports, then the parts as early as what they need is there.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::cluster::{self, Cluster};
use crate::error::{StartError, file, prepare as failed};
use crate::external::External;
use crate::options::{Group, Migrate, Options, PartSet};
use crate::ports::Ports;
use crate::postgres::{self, Postgres};
use crate::proc::ProcId;
use crate::progress::{Event, Progress};
use crate::roles::Roles;
use crate::spec::PartSpec;
use crate::stack::Stack;
use crate::state::State;
use crate::supervise::{Ending, Supervisor};
use crate::tools::{self, Tools};
use crate::{appliance, down, downloads, edge, license, mail, network, seed, temporal, tenancy};

/// Starts what the options ask for and waits until every part serves.
///
/// Parts that the environment points to (`TEMPORAL_ADDRESS`, `DATABASE_URL` or `DB_*`, `KUBECONFIG`) are used as they are.
/// What a crashed stack left in the folder is ended first.
///
/// # Errors
/// One message with the remedy; everything that was started is stopped again by then.
pub async fn start(options: &Options, progress: &dyn Progress) -> Result<Stack, StartError> {
    let root = own_folder(&options.root)?;
    let _starting = only_start(&root)?;
    let options = Options { root: root.clone(), ..options.clone() };
    let earlier = end_leftovers(&root, progress).await?;
    if options.ephemeral || options.fresh {
        down::remove_data(&root);
    }
    let external = External::read();
    if std::env::var_os(crate::STACK_VARIABLE).is_some() {
        progress.event(Event::Note(
            "this shell has the variables of `tenantry dev env`: what they point to is not taken as somebody else's \
             (unset TENANTRY_DEV_STACK to use it)",
        ));
    }
    let parts = to_start(&options.parts, &external, progress);
    let tools = tools::prepare(&options.project, &parts, progress).await?;
    let ports = take_ports(&root, &parts, earlier).map_err(|error| {
        failed("take free ports", error.to_string(), "end what listens on the ports named above, or start again")
    })?;
    let state = State {
        owner: ProcId::own(),
        ephemeral: options.ephemeral,
        ports: ports.numbers().clone(),
        ..State::default()
    };
    state.write(&root)?;
    let numbers = state.ports.clone();
    let supervisor = Supervisor::new(root.clone(), state, ports);
    let reaper = reaper(&options)?;
    let rise = Rise {
        options: &options,
        parts: &parts,
        external: &external,
        tools: &tools,
        ports: &numbers,
        supervisor: &supervisor,
        progress,
    };
    let risen = Box::pin(rise.all()).await;
    if let Err(error) = risen {
        // The first error is the one that matters.
        let _ = supervisor.stop_all(Ending::Orderly).await;
        Stack::new(supervisor, Some(reaper)).dismiss_reaper();
        return Err(error);
    }
    if options.background {
        supervisor.change(|state| state.owner = None)?;
        let mut stack = Stack::new(supervisor, Some(reaper));
        stack.dismiss_reaper();
        return Ok(stack);
    }
    Ok(Stack::new(supervisor, Some(reaper)))
}

/// Makes the data folder, for its owner only: keys and passwords are in it.
fn own_folder(root: &Path) -> Result<std::path::PathBuf, StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(file(root))?;
    Ok(root.canonicalize().map_err(file(root))?)
}

/// Two starts in one folder at once: the second is refused. The lock ends with the start, or with the process.
fn only_start(root: &Path) -> Result<fs::File, StartError> {
    let path = root.join("lock");
    let lock = fs::File::create(&path).map_err(file(&path))?;
    match fs4::fs_std::FileExt::try_lock_exclusive(&lock).map_err(file(&path))? {
        true => Ok(lock),
        false => Err(StartError::AlreadyRunning(root.to_owned())),
    }
}

/// Refuses a second stack in the folder, ends what a crashed one left, and answers its ports.
async fn end_leftovers(root: &Path, progress: &dyn Progress) -> Result<BTreeMap<String, u16>, StartError> {
    let Some(state) = State::read(root) else { return Ok(BTreeMap::new()) };
    let owned = state.owner.is_some_and(ProcId::alive);
    let running = state.running();
    if owned || (state.owner.is_none() && !running.is_empty()) {
        return Err(StartError::AlreadyRunning(root.to_owned()));
    }
    if !running.is_empty() {
        let names: Vec<&str> = running.iter().map(|(spec, _)| spec.name.as_str()).collect();
        progress.event(Event::Note(&format!("ending what an earlier stack left: {}", names.join(", "))));
        Supervisor::new(root.to_owned(), state.clone(), Ports::default()).stop_all(Ending::Orderly).await?;
    }
    Ok(state.ports)
}

/// Takes out what the environment already points to.
fn to_start(wanted: &PartSet, external: &External, progress: &dyn Progress) -> PartSet {
    let mut parts = wanted.clone();
    if !parts.has(Group::Postgres) {
        parts = parts.without(Group::License);
    }
    for (found, variable, groups) in [
        (external.temporal.is_some(), "TEMPORAL_ADDRESS", &[Group::Temporal][..]),
        (external.database.is_some(), "DATABASE_URL or DB_HOST", &[Group::Postgres, Group::License]),
        (external.kubeconfig.is_some(), "KUBECONFIG", &[Group::Cluster, Group::Edge, Group::SampleApp]),
    ] {
        if found {
            progress.event(Event::Note(&format!("{variable} is set: using what it points to, as it is")));
            parts = groups.iter().fold(parts, |parts, group| parts.without(*group));
        }
    }
    parts
}

fn take_ports(root: &Path, parts: &PartSet, earlier: BTreeMap<String, u16>) -> io::Result<Ports> {
    let mut ports = Ports::preferring(earlier);
    if parts.has(Group::Temporal) {
        temporal::ports(&mut ports)?;
    }
    if parts.has(Group::Postgres) {
        postgres::ports(&mut ports)?;
    }
    if parts.has(Group::Mail) {
        mail::ports(&mut ports)?;
    }
    if parts.has(Group::Downloads) {
        downloads::ports(&mut ports)?;
    }
    if parts.has(Group::License) {
        license::ports(&mut ports)?;
    }
    network::ports(root, &mut ports)?;
    cluster::ports(&mut ports)?;
    Ok(ports)
}

/// Starts the process that ends the stack when this one is gone.
fn reaper(options: &Options) -> Result<Child, StartError> {
    use std::os::unix::process::CommandExt as _;
    std::process::Command::new(&options.binary)
        .args(["dev", "part", "reaper"])
        .arg(&options.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            failed(format!("run {}", options.binary.display()), error.to_string(), "build it: `cargo build`")
        })
}

/// Everything that the steps of one start share.
struct Rise<'a> {
    options: &'a Options,
    parts: &'a PartSet,
    external: &'a External,
    tools: &'a Tools,
    ports: &'a BTreeMap<String, u16>,
    supervisor: &'a Supervisor,
    progress: &'a dyn Progress,
}

impl Rise<'_> {
    async fn all(&self) -> Result<(), StartError> {
        let cluster = self.cluster();
        tenancy::prepare(&self.options.root).map_err(file(&self.options.root))?;
        if self.parts.has(Group::Downloads) {
            downloads::prepare(&self.options.root).map_err(file(&self.options.root))?;
        }
        self.set_environment(cluster.as_ref(), None)?;
        let (postgres, (), (), (), ()) = tokio::try_join!(
            self.postgres(),
            self.temporal(),
            self.mail(),
            self.downloads(),
            self.cluster_and_edge(cluster.as_ref())
        )?;
        self.set_environment(cluster.as_ref(), postgres.as_ref())?;
        self.migrate().await?;
        tokio::try_join!(self.license(postgres.as_ref()), self.appliance(postgres.as_ref()))?;
        self.roles().await
    }

    /// Starts one part and tells of it.
    async fn part(&self, spec: PartSpec) -> Result<(), StartError> {
        let name = spec.name.clone();
        let took = self.supervisor.start(spec).await?;
        self.progress.event(Event::Done(&name, took));
        Ok(())
    }

    async fn step<T>(&self, what: &str, work: impl Future<Output = Result<T, StartError>>) -> Result<T, StartError> {
        let started = Instant::now();
        let done = work.await?;
        self.progress.event(Event::Done(what, started.elapsed()));
        Ok(done)
    }

    async fn temporal(&self) -> Result<(), StartError> {
        if !self.parts.has(Group::Temporal) {
            return Ok(());
        }
        let folder = self.options.root.join("temporal");
        fs::create_dir_all(&folder).map_err(file(&folder))?;
        self.part(temporal::part(&self.options.root, self.tools, self.ports, self.options.ephemeral)).await
    }

    async fn mail(&self) -> Result<(), StartError> {
        if !self.parts.has(Group::Mail) {
            return Ok(());
        }
        let folder = self.options.root.join("mail");
        fs::create_dir_all(&folder).map_err(file(&folder))?;
        self.part(mail::part(&self.options.project, &self.options.root, self.tools, self.ports)).await
    }

    async fn downloads(&self) -> Result<(), StartError> {
        let Some(program) = self.tools.object_store.as_ref().filter(|_| self.parts.has(Group::Downloads)) else {
            return Ok(());
        };
        let root = &self.options.root;
        let store = downloads::store(program, root, self.ports).map_err(file(root))?;
        let page = downloads::page(&self.options.binary, root, self.ports).map_err(file(root))?;
        tokio::try_join!(self.part(store), self.part(page)).map(drop)
    }

    async fn postgres(&self) -> Result<Option<Postgres>, StartError> {
        if !self.parts.has(Group::Postgres) {
            return Ok(None);
        }
        let options = self.options;
        let prepared = postgres::prepare_data(&options.root, self.tools, self.ports, options.ephemeral);
        let postgres = self.step("database files", prepared).await?;
        if let Some(outside) = postgres.outside() {
            self.supervisor.change(|state| state.outside.push(outside))?;
        }
        self.part(postgres.part(&options.root)).await?;
        self.step("database", async {
            postgres.create_database(&options.sql_files).await?;
            postgres.set_passwords().await
        })
        .await?;
        Ok(Some(postgres))
    }

    fn cluster(&self) -> Option<Cluster<'_>> {
        Some(Cluster {
            root: &self.options.root,
            programs: self.tools.cluster.clone()?,
            ports: self.ports,
            project: &self.options.project,
            binary: &self.options.binary,
            request_backoff: self.options.request_backoff,
        })
    }

    async fn dns(&self) -> Result<(), StartError> {
        if !self.parts.has(Group::Dns) {
            return Ok(());
        }
        let root = &self.options.root;
        network::prepare(root, self.ports)
            .map_err(|error| failed("write the sample zones", format!("{error:#}"), "see the message above"))?;
        self.part(network::part(root, &self.options.binary, self.ports)).await
    }

    async fn cluster_and_edge(&self, cluster: Option<&Cluster<'_>>) -> Result<(), StartError> {
        let Some(cluster) = cluster.filter(|_| self.parts.has(Group::Cluster)) else { return self.dns().await };
        cluster.prepare()?;
        let kinds = seed::plant(cluster, self.progress).await?;
        tokio::try_join!(self.dns(), self.part(cluster.etcd()), self.part(cluster.apiserver()))?;
        if kinds == seed::Kinds::Missing {
            let mut first = vec![cluster.manifests("before")];
            first.extend(cluster.crds());
            self.step("kinds of cert-manager, Istio and Gateway API", cluster.apply("the CRDs", &first)).await?;
            seed::applied(cluster)?;
        }
        let issuing = async {
            // The issuers of a kept cluster must register again before their loops run.
            self.part(cluster.acme()).await?;
            self.part(cluster.issuer()).await
        };
        let guard = async {
            if !self.parts.has(Group::Edge) {
                return Ok(());
            }
            edge::prepare(cluster)?;
            self.part(edge::istiod(cluster)).await?;
            self.step("validation fails closed", cluster.apply("istiod's validation", &[cluster.manifests("guard")]))
                .await
        };
        tokio::try_join!(issuing, guard, self.part(cluster.controllers()), self.part(cluster.selfcheck_proxy()))?;
        let last = [cluster.manifests("base"), cluster.manifests("after")];
        self.step("base objects and issuers", cluster.apply("the base objects", &last)).await?;
        if self.parts.has(Group::Edge) {
            self.part(edge::envoy(cluster, self.tools)).await?;
        }
        Ok(())
    }

    /// Runs the executable's own migration, on external parts only when told to.
    async fn migrate(&self) -> Result<(), StartError> {
        let needed = self.parts.has(Group::Worker) || self.parts.has(Group::Responder);
        if !needed || self.options.migrate == Migrate::No {
            return Ok(());
        }
        let ours = |external: bool| !external || self.options.use_external;
        let (database, temporal) = (ours(self.external.database.is_some()), ours(self.external.temporal.is_some()));
        if !database || !temporal {
            self.progress.event(Event::Note("not migrating what is external (`--use-external` does)"));
        }
        if !database {
            return Ok(());
        }
        let log = self.supervisor.log("migrate");
        let mut command = tokio::process::Command::new(&self.options.binary);
        command.arg("migrate").args((!temporal).then_some("--database-only")).envs(self.role_environment());
        crate::fetch::run("migrate", &mut command, &log, self.progress).await.map_err(|error| match error {
            StartError::Prepare { what, why, remedy } => StartError::Prepare {
                what,
                why,
                remedy: format!("{remedy}; where another build kept the data, `tenantry dev up --fresh` begins anew"),
            },
            other @ (StartError::AlreadyRunning(_) | StartError::Part(_)) => other,
        })
    }

    /// The licence API on a database of its own: made, migrated by the executable, then served.
    async fn license(&self, postgres: Option<&Postgres>) -> Result<(), StartError> {
        let Some(postgres) = postgres.filter(|_| self.parts.has(Group::License)) else { return Ok(()) };
        let root = &self.options.root;
        license::prepare(root).await.map_err(file(root))?;
        postgres.create_beside(license::DATABASE).await?;
        let administrator = postgres.environment().into_iter().collect();
        let downloads = match self.parts.has(Group::Downloads) {
            true => downloads::settings(root, self.ports).map_err(file(root))?,
            false => Vec::new(),
        };
        let environment = license::service(root, self.ports, &administrator, &downloads).map_err(file(root))?;
        let log = self.supervisor.log("license-migrate");
        let mut command = tokio::process::Command::new(&self.options.binary);
        command.args(["license-api", "migrate"]).envs(&environment).env_remove("DATABASE_URL");
        crate::fetch::run("license migrate", &mut command, &log, self.progress).await?;
        let port = self.ports.get("license-api").copied().unwrap_or_default();
        self.part(license::part(&self.options.binary, root, environment, port)).await
    }

    /// The database of an appliance, beside that of the hosted product: made and seeded, then migrated by the executable.
    async fn appliance(&self, postgres: Option<&Postgres>) -> Result<(), StartError> {
        let Some(postgres) = postgres.filter(|_| self.parts.has(Group::License)) else { return Ok(()) };
        // Without the product's tables there is nothing to keep a licence in.
        if self.options.sql_files.is_empty() {
            return Ok(());
        }
        let mut files = self.options.sql_files.clone();
        files.push(appliance::seed(&self.options.project));
        postgres.create(appliance::DATABASE, &files).await?;
        let log = self.supervisor.log("appliance-migrate");
        let mut command = tokio::process::Command::new(&self.options.binary);
        command.args(["migrate", "--database-only"]).envs(self.role_environment());
        command.env("DATABASE_URL", postgres.url(appliance::DATABASE));
        crate::fetch::run("appliance migrate", &mut command, &log, self.progress).await
    }

    async fn roles(&self) -> Result<(), StartError> {
        let roles = Roles {
            root: &self.options.root,
            binary: &self.options.binary,
            ports: self.ports,
            environment: self.role_environment(),
        };
        // Known also when they are not started here: a caller may start them later by name.
        for (group, spec) in [
            (Group::SampleApp, roles.sample_app()),
            (Group::Responder, roles.responder()),
            (Group::Worker, roles.worker()),
        ] {
            match self.parts.has(group) {
                true => self.part(spec).await?,
                false => self.supervisor.register(spec)?,
            }
        }
        Ok(())
    }

    fn role_environment(&self) -> BTreeMap<String, String> {
        let mut all = self.supervisor.state().environment.clone();
        all.extend(self.options.role_environment.iter().cloned());
        all
    }

    /// Collects what a caller needs to reach the parts; what is external stays as it is.
    fn set_environment(&self, cluster: Option<&Cluster<'_>>, postgres: Option<&Postgres>) -> Result<(), StartError> {
        let mut all = BTreeMap::new();
        match &self.external.temporal {
            Some(given) => all.extend(given.clone()),
            None if self.parts.has(Group::Temporal) => all.extend(temporal::environment(self.ports)),
            None => {}
        }
        match (&self.external.database, postgres) {
            (Some(given), _) => all.extend(given.clone()),
            (None, Some(postgres)) => all.extend(postgres.environment()),
            (None, None) => {}
        }
        match (&self.external.kubeconfig, cluster) {
            (Some(given), _) => all.extend([("KUBECONFIG".to_owned(), given.clone())]),
            (None, Some(cluster)) if self.parts.has(Group::Cluster) => all.extend(cluster.environment()),
            (None, _) => {}
        }
        if self.parts.has(Group::Dns) {
            all.extend(network::environment(&self.options.root, self.ports));
        }
        if self.parts.has(Group::Mail) {
            all.extend(mail::environment(&self.options.root, self.ports));
        }
        if self.parts.has(Group::Downloads) {
            let root = &self.options.root;
            all.extend(downloads::environment(root, self.ports).map_err(file(root))?);
        }
        if self.parts.has(Group::License) {
            all.extend(license::environment(&self.options.root, self.ports));
            all.extend(postgres.map(appliance::environment).unwrap_or_default());
        }
        let shop = self.parts.has(Group::SampleApp).then(|| self.ports.get("sample-app").copied()).flatten();
        all.extend(tenancy::environment(&self.options.root, shop));
        // The tools, and the executable itself, before what this process has.
        let path = env::var("PATH").unwrap_or_default();
        let own = self.options.binary.parent().map(|folder| format!("{}:", folder.display())).unwrap_or_default();
        all.insert("PATH".to_owned(), format!("{}:{own}{path}", self.tools.bin.display()));
        self.supervisor.change(|state| state.environment = all)?;
        Ok(())
    }
}
