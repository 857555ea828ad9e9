//! The Kubernetes client: lazy, so that an absent cluster makes the worker unready and not dead.

use crate::config::KubeconfigFile;
use crate::exit::{Exit, Failure};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use std::path::Path;
use std::time::Duration;

/// Longest time to open a connection to the API server.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Longest silence on an answer. Watches are longer than that and bound themselves.
const READ_MAX: Duration = Duration::from_secs(310);

/// Builds a client from the kubeconfig of a setting, or from the pod's own identity when none is set.
///
/// # Errors
/// `No` with the name of the setting. Nothing of the file's content enters it: a parser shows the lines around a mistake, and
/// those hold tokens and keys.
pub(crate) async fn of_setting(file: Option<&KubeconfigFile>) -> Result<kube::Client, Failure> {
    let made = client(file.map(|file| file.path.as_path())).await;
    made.map_err(|error| {
        let text = match file {
            Some(file) => format!("{}: {}", file.variable, wrong(&error)),
            None => "KUBECONFIG: is not set, and this process runs in no pod of a cluster".to_owned(),
        };
        Failure::new(Exit::No, text)
    })
}

/// What is wrong with a kubeconfig, without anything of its content but the number of a line.
fn wrong(error: &anyhow::Error) -> String {
    let what = match error.downcast_ref::<KubeconfigError>() {
        Some(KubeconfigError::Parse(error)) => {
            let line = error.location().map(|at| format!(" (line {})", at.line())).unwrap_or_default();
            return format!("names a file that is no kubeconfig{line}");
        }
        Some(KubeconfigError::ReadConfig(..)) => "names a file that is no text",
        Some(KubeconfigError::CurrentContextNotSet) => "names a kubeconfig without a current context",
        Some(KubeconfigError::LoadContext(_)) => "names a kubeconfig whose current context is not in it",
        Some(KubeconfigError::LoadClusterOfContext(_)) => "names a kubeconfig whose context leads to no cluster of it",
        Some(KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_)) => {
            "names a kubeconfig whose cluster has no usable address"
        }
        Some(
            KubeconfigError::LoadCertificateAuthority(LoadDataError::ReadFile(..))
            | KubeconfigError::LoadClientCertificate(LoadDataError::ReadFile(..))
            | KubeconfigError::LoadClientKey(LoadDataError::ReadFile(..)),
        ) => "names a kubeconfig with a file of certificates or keys that cannot be read",
        Some(_) | None => "names a kubeconfig that cannot be used: see its certificates, keys and credentials",
    };
    what.to_owned()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "eyCANARY.0123456789.abcdef";

    /// What a kubeconfig is refused with; the whole chain.
    async fn refused(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let file = KubeconfigFile { variable: "KUBECONFIG", path: file.path().to_owned() };
        let failure = of_setting(Some(&file)).await.err().expect("refused");
        assert_eq!(failure.exit, Exit::No);
        format!("{failure} {:?}", failure.error)
    }

    fn config(user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: one\ncontexts:\n- name: one\n  context: {{cluster: one, user: one}}\n\
             clusters:\n- name: one\n  cluster: {{server: 'https://127.0.0.1:1'}}\nusers:\n- name: one\n  user:\n{user}"
        )
    }

    #[tokio::test]
    async fn nothing_of_a_broken_kubeconfig_is_shown() {
        let broken = [
            config(&format!("    token: {CANARY}\n   token: [\n")),
            config(&format!("    token: {{{CANARY}: 1}}\n")),
            config(&format!("    client-key-data: {CANARY}\n    client-certificate-data: {CANARY}\n")),
            format!("token: {CANARY}\n\tusers: ["),
            CANARY.to_owned(),
            config(&format!("    token: {CANARY}\n"))
                .replace("cluster: one, user", &format!("cluster: {CANARY}, user")),
            config(&format!("    token: {CANARY}\n")).replace("https://127.0.0.1:1", &format!("https://{CANARY} x")),
        ];
        for text in broken {
            let shown = refused(&text).await;
            assert!(shown.starts_with("KUBECONFIG: names a "), "{shown}");
            assert!(!shown.contains("CANARY") && !shown.contains("0123456789"), "{shown}");
        }
        let shown = refused("apiVersion: v1\nkind: Config\nusers: {\n").await;
        assert!(shown.contains("(line "), "{shown}");
    }
}
