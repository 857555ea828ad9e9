//! The Kubernetes client: lazy, so that an absent cluster makes the worker unready and not dead.

use kube::config::{KubeConfigOptions, Kubeconfig};
use std::path::Path;
use std::time::Duration;

/// Longest time to open a connection to the API server.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Longest silence on an answer. Watches are longer than that and bound themselves.
const READ_MAX: Duration = Duration::from_secs(310);

/// Builds a client from a kubeconfig, or from the pod's own identity when there is none.
///
/// # Errors
/// The kubeconfig cannot be used. An API server that does not answer is found by the first request.
pub(crate) async fn client(kubeconfig: Option<&Path>) -> anyhow::Result<kube::Client> {
    let mut config = match kubeconfig {
        Some(path) => {
            kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await?
        }
        None => kube::Config::infer().await?,
    };
    config.connect_timeout = Some(CONNECT_MAX);
    config.read_timeout = Some(READ_MAX);
    Ok(kube::Client::try_from(config)?)
}
