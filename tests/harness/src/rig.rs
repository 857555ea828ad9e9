//! One real stack for a test binary: every part, the worker and the responder as processes.

use crate::cluster::Kubectl;
use crate::domain::Domain;
use crate::neighbour::Neighbour;
use anyhow::Context as _;
use devstack::PartSet;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, UntypedWorkflow, Url,
    WorkflowFetchHistoryOptions,
};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// A running stack and clients of it.
pub struct Rig {
    /// The stack.
    pub stack: devstack::Stack,
    /// Variables that worker, command line and shell use.
    pub environment: BTreeMap<String, String>,
    /// The database as its owner.
    pub database: PgPool,
    /// Temporal.
    pub temporal: Client,
    /// The cluster as its administrator.
    pub kubectl: Kubectl,
    /// The executable under test.
    pub binary: PathBuf,
    pub(crate) neighbour: OnceLock<Neighbour>,
    dns: dns_server::Config,
}

impl Rig {
    /// Starts everything with fresh data and short waits: the second look at DNS after 1 s, an issuer without self-check.
    ///
    /// # Errors
    /// A part does not start; the error shows the end of its log.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        Self::start_with(name, &[]).await
    }

    /// The same, with other variables for the worker.
    ///
    /// # Errors
    /// A part does not start; the error shows the end of its log.
    pub async fn start_with(name: &str, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_of(name, variables, PartSet::all()).await
    }

    /// The same, with these parts only; Temporal, PostgreSQL, DNS and the cluster are among them.
    ///
    /// # Errors
    /// A part does not start; the error shows the end of its log.
    pub async fn start_of(name: &str, variables: &[(&str, &str)], parts: PartSet) -> anyhow::Result<Self> {
        let project = devstack::find_project()?;
        let binary = binary(&project)?;
        let root = std::env::temp_dir().join(format!("tenantry-test-{}-{name}", std::process::id()));
        let mut options = devstack::Options::ephemeral(&root, &binary, &project);
        options.parts = parts;
        options.sql_files = product_schema(&project)?;
        options.role_environment =
            [("PORTAL_DOMAIN_DNS_CONFIRM_SECONDS", "1"), ("PORTAL_DOMAIN_CERT_ISSUER", "letsencrypt-http01-nocheck")]
                .iter()
                .chain(variables)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
        options.request_backoff = Some(Duration::from_secs(1));
        let stack = devstack::start(&options, &devstack::Lines).await?;
        let environment = stack.environment();
        let value = |name: &str| environment.get(name).cloned().with_context(|| format!("the stack has no {name}"));
        let database = PgPoolOptions::new().max_connections(8).connect_lazy(&value("DATABASE_URL")?)?;
        let temporal = connect(&value("TEMPORAL_ADDRESS")?).await?;
        let dns = dns_server::Config::read(&root.join("dns/dns.json"))?;
        let kubectl = Kubectl::new(environment.clone());
        let neighbour = OnceLock::new();
        Ok(Self { stack, environment, database, temporal, kubectl, binary, neighbour, dns })
    }

    /// A new tenant with a domain below the sample customer's zone; the row is written, nothing is started.
    ///
    /// # Errors
    /// The database refused.
    pub async fn domain(&self, label: &str) -> anyhow::Result<Domain> {
        Domain::create(self, &format!("{label}.{}", devstack::CUSTOMER_ZONE)).await
    }

    /// Runs a text in the database as its owner: what no application does.
    ///
    /// # Errors
    /// The database refused.
    pub async fn sql(&self, text: &str) -> anyhow::Result<()> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(&self.database).await?;
        Ok(())
    }

    /// Sets a DNS record of the sample zones.
    ///
    /// # Errors
    /// The record is not one that the zone takes.
    pub fn dns_set(&self, host: &str, kind: &str, value: &str) -> anyhow::Result<()> {
        dns_server::edit::set(&self.dns, host, kind, value)?;
        Ok(())
    }

    /// Removes every record of a host.
    ///
    /// # Errors
    /// The zone cannot be written.
    pub fn dns_unset(&self, host: &str) -> anyhow::Result<()> {
        dns_server::edit::unset(&self.dns, host, None, None)?;
        Ok(())
    }

    /// Makes the name servers of a zone or host misbehave.
    ///
    /// # Errors
    /// The faults file cannot be written.
    pub fn dns_fault(&self, fault: dns_server::faults::Fault) -> anyhow::Result<()> {
        dns_server::faults::set(&self.dns, fault)?;
        Ok(())
    }

    /// Ends every fault.
    ///
    /// # Errors
    /// The faults file cannot be written.
    pub fn dns_well(&self) -> anyhow::Result<()> {
        dns_server::faults::clear(&self.dns, None)?;
        Ok(())
    }

    /// Events and completed workflow tasks of a domain's open run.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn history_size(&self, domain: &Domain) -> anyhow::Result<(usize, usize)> {
        let handle = self.temporal.get_workflow_handle::<UntypedWorkflow>(domain.workflow_id());
        let history = handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?;
        let done = EventType::WorkflowTaskCompleted as i32;
        Ok((history.len(), history.iter().filter(|event| event.event_type == done).count()))
    }

    /// Runs the executable under test with the stack's variables.
    ///
    /// # Errors
    /// It could not be run, or its output is not UTF-8.
    pub async fn tenantry(&self, args: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let output = tokio::process::Command::new(&self.binary)
            .args(args)
            .envs(&self.environment)
            .kill_on_drop(true)
            .output()
            .await?;
        Ok((output.status.code().unwrap_or(-1), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
    }

    /// Ends the stack.
    ///
    /// # Errors
    /// A part did not end.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.database.close().await;
        Ok(self.stack.stop().await?)
    }
}

/// The sample copy of the product's tables, in order.
pub(crate) fn product_schema(project: &std::path::Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut sql: Vec<PathBuf> = std::fs::read_dir(project.join("devstack/product-schema"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    sql.sort();
    Ok(sql)
}

/// The executable: `TENANTRY_BINARY`, else the one beside this test's own.
pub(crate) fn binary(project: &std::path::Path) -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("TENANTRY_BINARY") {
        return Ok(PathBuf::from(path));
    }
    let own = std::env::current_exe()?;
    let beside = own.parent().and_then(|deps| deps.parent()).map(|profile| profile.join("tenantry"));
    let found = beside.filter(|path| path.exists());
    found.with_context(|| format!("build the executable first: cargo build in {}", project.display()))
}

pub(crate) async fn connect(address: &str) -> anyhow::Result<Client> {
    let options = ConnectionOptions::new(format!("http://{address}").parse::<Url>()?)
        .connect_timeout(Duration::from_secs(5))
        .grpc_compression(GrpcCompression::None)
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options).await?;
    Ok(Client::new(connection, ClientOptions::new("default").build())?)
}
