//! Where Temporal is, how to prove who we are, and which queues to poll.

use super::secret::Secret;
use super::source::Reader;
use contract::names;
use credentials::KeyFile;
use outbound::{BaseUrl, Cleartext};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use temporalio_client::envconfig::{ClientConfigProfile, LoadClientConfigProfileOptions};

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueRole {
    /// The portal-domain workflows and their activities.
    PortalDomain,
    /// The creation of tenants, with the build gate and the health probe.
    Tenant,
    /// Runs that may outlive every release: repairs of tenants.
    TenantLifecycle,
}

/// A queue and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    /// The queue's name in Temporal.
    pub(crate) name: String,
    /// What is registered on it.
    pub(crate) role: QueueRole,
}

/// Worker Versioning. On only when `TEMPORAL_DEPLOYMENT_NAME` is set, because a versioned worker gets no task before its
/// version is current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// `TEMPORAL_DEPLOYMENT_NAME`.
    pub(crate) name: String,
    /// `TEMPORAL_WORKER_BUILD_ID`, else the build's own id.
    pub(crate) build_id: String,
}

/// Settings of every caller of Temporal.
#[derive(Clone)]
pub(crate) struct TemporalSettings {
    /// Standard variables and `temporal.toml`, with our own variables laid over them.
    pub(crate) profile: ClientConfigProfile,
    /// host:port or URL.
    pub(crate) address: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Queues to poll, in order, without duplicates.
    pub(crate) queues: Vec<Queue>,
    /// Name of the portal-domain queue, for callers.
    pub(crate) portal_queue: String,
    /// `TEMPORAL_TLS`.
    pub(crate) tls: bool,
    /// `TEMPORAL_TLS_CA_FILE`.
    pub(crate) ca_file: Option<PathBuf>,
    /// `TEMPORAL_TLS_CERT_FILE` and `TEMPORAL_TLS_KEY_FILE`.
    pub(crate) identity_files: Option<(PathBuf, PathBuf)>,
    /// Content of `TEMPORAL_API_KEY_FILE`.
    pub(crate) api_key: Option<Secret>,
    /// Worker Versioning, when on.
    pub(crate) deployment: Option<Deployment>,
    /// Identifies the build in statuses and in Temporal.
    pub(crate) build_id: String,
    /// `PAYLOAD_CODEC=sensitive` with `TENANTRY_CODEC_KEYS_FILE`: the keys that encrypt marked payloads.
    pub(crate) codec_keys: Option<PathBuf>,
}

/// Shows no credential: the profile can hold an API key and certificate data.
impl fmt::Debug for TemporalSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporalSettings")
            .field("namespace", &self.namespace)
            .field("queues", &self.queues)
            .field("tls", &self.tls)
            .field("api_key", &self.api_key)
            .field("deployment", &self.deployment)
            .finish_non_exhaustive()
    }
}

impl TemporalSettings {
    pub(super) fn read(reader: &mut Reader<'_>, production: bool) -> Self {
        let profile = read_profile(reader);
        let address = reader.text("TEMPORAL_ADDRESS").or_else(|| profile.address.clone());
        if address.is_none() && production {
            reader.problem("TEMPORAL_ADDRESS", "is required with NODE_ENV=production");
        }
        if address.as_deref().is_some_and(|address| !is_address(address)) {
            reader.problem("TEMPORAL_ADDRESS", "must be host:port, or an http or https URL");
        }
        let namespace = reader.text("TEMPORAL_NAMESPACE").or_else(|| profile.namespace.clone());
        let portal_queue = reader.text_or("TEMPORAL_PORTAL_DOMAIN_TASK_QUEUE", names::PORTAL_DOMAIN_QUEUE);
        let queues = read_queues(reader, &portal_queue);
        let ca_file = reader.readable_file("TEMPORAL_TLS_CA_FILE");
        let cert = reader.readable_file("TEMPORAL_TLS_CERT_FILE");
        let key = reader.readable_file("TEMPORAL_TLS_KEY_FILE");
        let identity_files = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => {
                reader.problem("TEMPORAL_TLS_KEY_FILE", "is required with TEMPORAL_TLS_CERT_FILE");
                None
            }
            (None, Some(_)) => {
                reader.problem("TEMPORAL_TLS_CERT_FILE", "is required with TEMPORAL_TLS_KEY_FILE");
                None
            }
        };
        let api_key = reader.secret_in_file("TEMPORAL_API_KEY_FILE");
        let asked_for_tls = ca_file.is_some() || identity_files.is_some() || api_key.is_some();
        let build_id = reader.text_or("TEMPORAL_WORKER_BUILD_ID", own_build_id());
        let deployment =
            reader.text("TEMPORAL_DEPLOYMENT_NAME").map(|name| Deployment { name, build_id: build_id.clone() });
        let codec_keys = read_codec(reader);
        Self {
            codec_keys,
            tls: reader.flag("TEMPORAL_TLS", asked_for_tls),
            profile,
            address: address.unwrap_or_else(|| names::DEFAULT_TEMPORAL_ADDRESS.to_owned()),
            namespace: namespace.unwrap_or_else(|| names::DEFAULT_TEMPORAL_NAMESPACE.to_owned()),
            queues,
            portal_queue,
            ca_file,
            identity_files,
            api_key,
            deployment,
            build_id,
        }
    }
}

/// `host:port`, or a URL of a host.
fn is_address(text: &str) -> bool {
    let (given, text) = match text.contains("://") {
        true => (true, text.to_owned()),
        false => (false, format!("http://{text}")),
    };
    // A space would be read as part of a path.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return false;
    }
    BaseUrl::parse(&text, Cleartext::Allowed)
        .is_ok_and(|url| given || url.host().rsplit_once(':').is_some() || text.ends_with(":80"))
}

/// The keys of the payload codec, when it is on. The file is read again whenever it changes.
fn read_codec(reader: &mut Reader<'_>) -> Option<PathBuf> {
    let variable = "TENANTRY_CODEC_KEYS_FILE";
    match reader.text("PAYLOAD_CODEC").as_deref() {
        None | Some("off") => None,
        Some("sensitive") => {
            let path = reader.readable_file(variable);
            if path.is_none() && reader.text(variable).is_none() {
                reader.problem(variable, "is required with PAYLOAD_CODEC=sensitive");
            }
            if path.as_ref().is_some_and(|path| KeyFile::read(path).is_err()) {
                reader.problem(variable, "names a file that is no key file: each line is an id and 32 bytes in base64");
            }
            path
        }
        Some(_) => {
            reader.problem("PAYLOAD_CODEC", "must be off or sensitive");
            None
        }
    }
}

/// The commit of this build where the build knew it, else the version.
pub(crate) fn own_build_id() -> &'static str {
    option_env!("TENANTRY_BUILD_ID").unwrap_or(env!("CARGO_PKG_VERSION"))
}

fn read_profile(reader: &mut Reader<'_>) -> ClientConfigProfile {
    // `TEMPORAL_TLS` is ours in words that the SDK reads too; a mistake in it is reported by our own rule.
    let variables: HashMap<String, String> =
        reader.source().variables().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let loaded = temporalio_common::envconfig::load_client_config_profile(
        LoadClientConfigProfileOptions::default(),
        Some(&variables),
    );
    loaded.unwrap_or_else(|_| {
        reader.problem("TEMPORAL_CONFIG_FILE", "or a TEMPORAL_* variable beside it cannot be read");
        ClientConfigProfile::default()
    })
}

/// `TEMPORAL_TASK_QUEUES`, else `TEMPORAL_TASK_QUEUE`, else what this build serves. Comma list, trimmed; empty items and
/// duplicates are dropped.
fn read_queues(reader: &mut Reader<'_>, portal_queue: &str) -> Vec<Queue> {
    let (variable, text) = match (reader.text("TEMPORAL_TASK_QUEUES"), reader.text("TEMPORAL_TASK_QUEUE")) {
        (Some(text), _) => ("TEMPORAL_TASK_QUEUES", text),
        (None, Some(text)) => ("TEMPORAL_TASK_QUEUE", text),
        (None, None) => {
            let own = [names::TENANT_QUEUE, names::TENANT_LIFECYCLE_QUEUE, portal_queue];
            ("TEMPORAL_TASK_QUEUES", own.join(","))
        }
    };
    let mut queues: Vec<Queue> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let role = if name == portal_queue {
            QueueRole::PortalDomain
        } else if name == names::TENANT_QUEUE {
            QueueRole::Tenant
        } else if name == names::TENANT_LIFECYCLE_QUEUE {
            QueueRole::TenantLifecycle
        } else if names::FOREIGN_QUEUES.contains(&name) {
            reader.problem(variable, "names a queue of another service, whose tasks must not be taken away");
            continue;
        } else {
            reader.problem(variable, "names a queue that this build does not serve");
            continue;
        };
        if !queues.iter().any(|queue| queue.name == name) {
            queues.push(Queue { name: name.to_owned(), role });
        }
    }
    if queues.is_empty() {
        reader.problem(variable, "names no queue");
    }
    queues
}
