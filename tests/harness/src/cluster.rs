//! The cluster as an operator sees it: kubectl with the administrator's identity.

use std::collections::BTreeMap;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// kubectl against the stack.
#[derive(Clone, Debug)]
pub struct Kubectl {
    environment: BTreeMap<String, String>,
}

impl Kubectl {
    pub(crate) fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment }
    }

    /// Runs kubectl and answers its output.
    ///
    /// # Errors
    /// It ended with another code than 0; the text is its standard error.
    pub async fn run(&self, args: &[&str], input: Option<&str>) -> anyhow::Result<String> {
        let path = self.environment.get("PATH").map(String::as_str).unwrap_or_default();
        let config = self.environment.get("KUBECONFIG_ADMIN").map(String::as_str).unwrap_or_default();
        let mut child = Command::new("kubectl")
            .args(args)
            .env("PATH", path)
            .env("KUBECONFIG", config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.unwrap_or_default().as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        anyhow::ensure!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Names of the objects of a kind in a namespace that carry a label, as `namespace/name`.
    ///
    /// # Errors
    /// kubectl failed.
    pub async fn labelled(&self, kind: &str, selector: &str) -> anyhow::Result<Vec<String>> {
        let json = self.run(&["get", kind, "-A", "-l", selector, "-o", "json"], None).await?;
        let list: serde_json::Value = serde_json::from_str(&json)?;
        Ok(list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| {
                let meta = &item["metadata"];
                format!("{}/{}", meta["namespace"].as_str().unwrap_or(""), meta["name"].as_str().unwrap_or(""))
            })
            .collect())
    }

    /// One object, or `None` when it is not there.
    ///
    /// # Errors
    /// kubectl failed for another reason.
    pub async fn object(&self, kind: &str, namespace: &str, name: &str) -> anyhow::Result<Option<serde_json::Value>> {
        let json = self.run(&["get", kind, "-n", namespace, name, "--ignore-not-found", "-o", "json"], None).await?;
        if json.trim().is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&json)?)) }
    }
}
