//! The executable's `license-api` as a process of its own, on loopback.

use super::codes::Keys;
use super::registry::Registry;
use crate::node::end;
use anyhow::{Context as _, bail, ensure};
use harness::development_key;
use license::built_in::{DEVELOPMENT_KID, DEVELOPMENT_TEXT};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Longest start: the migration, and the first answer.
const START_MAX: Duration = Duration::from_secs(30);
const SECRET: &str = "the-service-secret-of-a-bench";
const PASSWORD: &str = "the-password-of-a-bench";

/// A running service.
pub(crate) struct Service {
    child: Child,
    pid: i32,
    address: SocketAddr,
    log: PathBuf,
}

impl Service {
    /// Migrates the registry and starts the service; `budgets` other than its own. Ready when `/readyz` says so.
    ///
    /// # Errors
    /// It does not start; the error shows the end of its log.
    pub(crate) async fn start(
        registry: &Registry,
        keys: &Keys,
        folder: &Path,
        budgets: Option<&str>,
    ) -> anyhow::Result<Self> {
        let binary = binary()?;
        let (port, metrics) = (free_port()?, free_port()?);
        let mut variables = variables(registry, keys, folder)?;
        variables.extend([("PORT", port.to_string()), ("METRICS_PORT", metrics.to_string())]);
        variables.extend(budgets.map(|budgets| ("TENANTRY_LICENSE_ATTEMPT_BUDGETS", budgets.to_owned())));
        let log = folder.join("log");
        let command = |arguments: &[&str]| -> anyhow::Result<Command> {
            let mut command = Command::new(&binary);
            // Nothing of this program's own environment, which may name another database.
            command.env_clear().envs(variables.iter().map(|(name, value)| (name, value))).args(arguments);
            let out = File::options().create(true).append(true).open(&log)?;
            command.kill_on_drop(true).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
            Ok(command)
        };
        let migrated = command(&["license-api", "migrate"])?.status().await?;
        ensure!(migrated.success(), "the registry was not migrated: {}", tail(&log));
        let child = command(&["license-api"])?.spawn()?;
        let pid = i32::try_from(child.id().context("the service ended at once")?)?;
        let mut service = Self { child, pid, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), log };
        service.ready().await?;
        Ok(service)
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the service ended with {status}: {}", self.end_of_log());
            }
            if super::client::is_ready(self.address).await {
                return Ok(());
            }
            ensure!(begin.elapsed() < START_MAX, "the service is not ready: {}", self.end_of_log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process.
    pub(crate) const fn pid(&self) -> i32 {
        self.pid
    }

    /// Its routes.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The end of its log, for errors.
    pub(crate) fn end_of_log(&self) -> String {
        tail(&self.log)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be ended.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        end(&mut self.child, self.pid).await
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The executable: `TENANTRY_BINARY`, else the one beside this program.
fn binary() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("TENANTRY_BINARY").map(PathBuf::from);
    let path =
        named.map_or_else(|| Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("tenantry")), Ok)?;
    ensure!(path.exists(), "set TENANTRY_BINARY to the executable, or build it beside this program");
    Ok(path)
}

fn variables(registry: &Registry, keys: &Keys, folder: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let write = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    };
    let text = |text: &str| text.to_owned();
    Ok(vec![
        ("TENANTRY_BIND_ADDRESS", text("127.0.0.1")),
        ("LOG_LEVEL", text("warn")),
        ("DB_HOST", text(registry.options.get_host())),
        ("DB_PORT", registry.options.get_port().to_string()),
        ("DB_NAME", registry.database.clone()),
        ("DB_USER_ADMIN", text(registry.options.get_username())),
        ("DB_PASSWORD_ADMIN", registry.password.clone()),
        ("DB_USER_APP", registry.role.clone()),
        ("DB_PASSWORD_APP", text(PASSWORD)),
        ("ALGA_LICENSE_SERVICE_SECRET", text(SECRET)),
        ("ALGA_LICENSE_KID", text(DEVELOPMENT_KID)),
        ("ALGA_LICENSE_PRIVATE_KEY_FILE", write("signing.pem", &development_key(DEVELOPMENT_TEXT))?),
        ("TENANTRY_LICENSE_MINT_KEYS_FILE", write("mint", &keys.mint)?),
        ("TENANTRY_LICENSE_LOOKUP_KEYS_FILE", write("lookup", &keys.lookup)?),
        ("TENANTRY_SEALING_KEYS_FILE", write("sealing", &keys.sealing)?),
        // This program says in its requests where they come from.
        ("TENANTRY_LICENSE_TRUSTED_PROXIES", text("127.0.0.1/32")),
    ])
}
