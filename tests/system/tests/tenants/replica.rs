//! Another worker process, beside the one of the stack or in its place.

use crate::world::World;
use anyhow::Context as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// A worker process of a test; it ends with the test.
pub(crate) struct Replica {
    child: Child,
}

impl Replica {
    /// Starts it with the variables of the stack's worker and others beside them, on free ports. Its log is kept with those
    /// of the stack.
    pub(crate) fn start(world: &World, name: &str, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let spec = world.rig.stack.spec("worker")?;
        let log = world.rig.stack.root().join("logs").join(format!("worker-{name}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = Command::new(&spec.program)
            .args(&spec.args)
            .current_dir(&spec.cwd)
            .envs(&spec.env)
            .envs([("HEALTH_CHECK_PORT", "0"), ("METRICS_PORT", "0")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child })
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end (SIGTERM), without waiting.
    pub(crate) async fn terminate(&self) -> anyhow::Result<()> {
        let pid = self.child.id().context("it has ended already")?;
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        Ok(())
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        Ok(tokio::time::timeout(limit, self.child.wait()).await.context("the worker does not end")??)
    }
}
