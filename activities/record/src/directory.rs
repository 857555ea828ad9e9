//! Files of one domain: `<dir>/<tenant-prefix>/{certificate,gateway,virtualservice}.json`.

use model::portal::manifest::{self, EdgeSettings};
use model::portal::names::DomainIdentity;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Where the record goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `PORTAL_DOMAIN_MANIFEST_DIR`; `None` switches the record off.
    pub directory: Option<PathBuf>,
    /// The settings that the objects were rendered with.
    pub edge: EdgeSettings,
}

/// The record could not be written. Never stops an apply.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The prefix would lead out of the directory.
    #[error("cannot write manifests for the tenant prefix {0:?}: it is not a DNS label")]
    Prefix(String),
    /// The file system refused.
    #[error("could not write {path}")]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Writes the three files of a domain; repeating it writes the same bytes. Each file appears whole or not at all.
///
/// There is no Secret among them, and no key in what is rendered.
///
/// # Errors
/// A prefix that is no DNS label, or a file system that refuses.
pub(crate) async fn write(
    directory: &Path,
    prefix: &str,
    domain: &DomainIdentity,
    edge: &EdgeSettings,
) -> Result<(), RecordError> {
    if !is_label(prefix) {
        return Err(RecordError::Prefix(prefix.chars().take(80).collect()));
    }
    let names = domain.names();
    let files = [
        ("certificate.json", manifest::certificate(domain, edge)),
        ("gateway.json", manifest::gateway(domain, edge, &names.secret)),
        ("virtualservice.json", manifest::virtual_service(domain, edge, &names.gateway)),
    ];
    let folder = directory.join(prefix);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RecordError::Write { path, source }
    };
    tokio::fs::create_dir_all(&folder).await.map_err(failed(&folder))?;
    for (file, object) in files {
        let (path, draft) = (folder.join(file), folder.join(format!(".{file}.tmp")));
        let write = async {
            let mut out = tokio::fs::File::create(&draft).await?;
            out.write_all(manifest::file_text(&object).as_bytes()).await?;
            out.flush().await?;
            tokio::fs::rename(&draft, &path).await
        };
        write.await.map_err(failed(&path))?;
    }
    Ok(())
}

/// The first label of the canonical host, so a DNS label; anything else could name a path.
fn is_label(prefix: &str) -> bool {
    (1..=63).contains(&prefix.len()) && prefix.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> DomainIdentity {
        DomainIdentity {
            tenant_id: "abcdef12-3456-4789-8abc-def012345678".to_owned(),
            portal_domain_id: "7f3c1d2e-1111-4222-8333-444455556666".to_owned(),
            former_ids: Vec::new(),
            host: "portal.customer.example".to_owned(),
            generation: 1,
            fence: 7,
            probe_nonce: "n".to_owned(),
            slug: String::new(),
        }
    }

    fn edge() -> EdgeSettings {
        EdgeSettings::from_vars(|n| (n == "PORTAL_DOMAIN_SERVICE_HOST").then(|| "app.msp.svc".to_owned())).unwrap()
    }

    #[tokio::test]
    async fn three_files_are_written_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            write(folder.path(), "abcdef1", &domain(), &edge()).await.unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(folder.path().join("abcdef1"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["certificate.json", "gateway.json", "virtualservice.json"]);
        let text = std::fs::read_to_string(folder.path().join("abcdef1/gateway.json")).unwrap();
        assert!(text.starts_with("{\n  \"") && text.ends_with("}\n") && !text.ends_with("\n\n"));
    }

    #[tokio::test]
    async fn a_prefix_that_is_a_path_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for prefix in ["..", "../x", "a/b", "", "A"] {
            let error = write(folder.path(), prefix, &domain(), &edge()).await.unwrap_err();
            assert!(matches!(error, RecordError::Prefix(_)), "{prefix}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_is_a_file_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("abcdef1"), "").unwrap();
        let error = write(folder.path(), "abcdef1", &domain(), &edge()).await.unwrap_err();
        assert!(matches!(error, RecordError::Write { .. }), "{error}");
    }
}
