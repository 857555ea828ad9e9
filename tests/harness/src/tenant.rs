//! A smaller stack, without a cluster: Temporal, PostgreSQL, mail, and the worker on the two tenant queues.

mod run;

pub use run::{CreationRun, Ended, Start};

use crate::rig::{binary, connect, product_schema};
use anyhow::Context as _;
use contract::names::{TENANT_LIFECYCLE_QUEUE, TENANT_QUEUE};
use devstack::{Group, PartSet};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use temporalio_client::Client;

/// A running stack for tenants, and clients of it.
pub struct TenantRig {
    /// The stack; the worker's part is called `worker`.
    pub stack: devstack::Stack,
    /// Variables that worker and command line use.
    pub environment: BTreeMap<String, String>,
    /// The database as its owner. Its sessions end with a restart of the database; the next statement connects again.
    pub database: PgPool,
    /// Temporal.
    pub temporal: Client,
    /// The executable under test.
    pub binary: PathBuf,
}

impl TenantRig {
    /// Starts everything with fresh data. `variables` are for the worker, such as the addresses of scripted servers.
    ///
    /// # Errors
    /// A part does not start; the error shows the end of its log.
    pub async fn start(name: &str, variables: &[(&str, String)]) -> anyhow::Result<Self> {
        let project = devstack::find_project()?;
        let binary = binary(&project)?;
        let root = std::env::temp_dir().join(format!("tenantry-test-{}-{name}", std::process::id()));
        let mut options = devstack::Options::ephemeral(&root, &binary, &project);
        options.parts = PartSet::of(&[Group::Temporal, Group::Postgres, Group::Mail, Group::Worker]);
        options.sql_files = product_schema(&project)?;
        let queues = format!("{TENANT_QUEUE},{TENANT_LIFECYCLE_QUEUE}");
        options.role_environment = vec![("TEMPORAL_TASK_QUEUES".to_owned(), queues)];
        options.role_environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let stack = devstack::start(&options, &devstack::Lines).await?;
        let mut environment = stack.environment();
        environment.extend(options.role_environment);
        let value = |name: &str| environment.get(name).cloned().with_context(|| format!("the stack has no {name}"));
        let database = PgPoolOptions::new().max_connections(24).connect_lazy(&value("DATABASE_URL")?)?;
        let temporal = connect(&value("TEMPORAL_ADDRESS")?).await?;
        Ok(Self { stack, environment, database, temporal, binary })
    }

    /// Runs a text in the database as its owner.
    ///
    /// # Errors
    /// The database refused.
    pub async fn sql(&self, text: &str) -> anyhow::Result<()> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned())).execute(&self.database).await?;
        Ok(())
    }

    /// Reads one text of the database as its owner; null is the empty text.
    ///
    /// # Errors
    /// The database refused, or the statement does not answer one row with one text.
    pub async fn ask(&self, text: &str) -> anyhow::Result<String> {
        let query = sqlx::query_scalar::<_, Option<String>>(sqlx::AssertSqlSafe(text.to_owned())).persistent(false);
        Ok(query.fetch_one(&self.database).await.with_context(|| text.to_owned())?.unwrap_or_default())
    }

    /// The run of a workflow id, whether it exists or not.
    pub fn run(&self, id: &str) -> CreationRun {
        CreationRun::new(self.temporal.clone(), id)
    }

    /// Runs the executable under test with the stack's variables; exit code, standard output and standard error.
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
}
