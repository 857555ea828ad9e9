//! The control plane: etcd, API server, controllers, cert-manager's loops and the ACME server.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{StartError, prepare as failed};
use crate::manifests;
use crate::network;
use crate::pki;
use crate::ports::Ports;
use crate::spec::{PartSpec, Ready};

/// The control plane of one stack.
#[derive(Clone, Debug)]
pub(crate) struct Cluster<'a> {
    pub(crate) root: &'a Path,
    /// The folder with `devcluster`, `pilot-discovery` and `crds/`.
    pub(crate) programs: PathBuf,
    pub(crate) ports: &'a BTreeMap<String, u16>,
    pub(crate) project: &'a Path,
    pub(crate) binary: &'a Path,
    pub(crate) request_backoff: Option<Duration>,
}

/// Takes the ports.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    for name in ["etcd", "etcd-peer", "api", "acme", "selfcheck-proxy"] {
        ports.tcp(name)?;
    }
    // The ACME server asks the edge for the challenge, also when a test starts no edge.
    ports.take("edge-http", &[network::EDGE_ADDRESS.into()], false)?;
    ports.take("edge-https", &[network::EDGE_ADDRESS.into()], false)?;
    for name in ["istiod-http", "istiod-https", "istiod-xds", "istiod-xds-tls", "istiod-monitoring", "envoy-admin"] {
        ports.tcp(name)?;
    }
    for name in ["sample-app", "responder", "worker-health", "worker-metrics"] {
        ports.tcp(name)?;
    }
    Ok(())
}

impl Cluster<'_> {
    pub(crate) fn dir(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn local(&self, name: &str) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(name)))
    }

    /// Writes keys, kubeconfigs and the manifests with this stack's ports.
    pub(crate) fn prepare(&self) -> Result<(), StartError> {
        let dir = self.dir();
        let write = || -> io::Result<()> {
            fs::create_dir_all(dir.join("ready"))?;
            pki::make(&dir)?;
            pki::kubeconfigs(&dir, self.port("api"))?;
            let values = self.values()?;
            for stage in ["before", "guard", "after"] {
                let from = self.project.join("devstack/cluster/manifests").join(stage);
                manifests::render(&from, &self.manifests(stage), &values)?;
            }
            manifests::render(&self.project.join("deploy/base"), &self.manifests("base"), &values)?;
            Ok(())
        };
        write().map_err(|error| {
            failed(
                "write the cluster's keys and manifests",
                error.to_string(),
                "see the message above; `tenantry dev down` and an empty data folder start afresh",
            )
        })
    }

    fn values(&self) -> io::Result<BTreeMap<&'static str, String>> {
        let authority = STANDARD.encode(fs::read(self.dir().join("pki/ca.crt"))?);
        Ok(BTreeMap::from([
            ("ACME_AUTHORITY", authority),
            ("ACME_ADDRESS", self.local("acme").to_string()),
            ("EDGE_ADDRESS", network::EDGE_ADDRESS.to_string()),
            ("EDGE_HTTP_PORT", self.port("edge-http").to_string()),
            ("EDGE_HTTPS_PORT", self.port("edge-https").to_string()),
            ("EXTERNAL_HTTP_PORT", self.port("edge-http").to_string()),
            ("EXTERNAL_HTTPS_PORT", self.port("edge-https").to_string()),
            ("ISTIOD_WEBHOOK_PORT", self.port("istiod-https").to_string()),
            ("SAMPLE_APP_PORT", self.port("sample-app").to_string()),
            ("RESPONDER_PORT", self.port("responder").to_string()),
        ]))
    }

    fn devcluster(&self, part: &str) -> PartSpec {
        let dns = network::resolver(self.root, self.ports);
        PartSpec::new(part, self.programs.join("devcluster"), self.dir())
            .args([part, "--dir", "."])
            .args(["--etcd".to_owned(), self.local("etcd").to_string()])
            .args(["--etcd-peer".to_owned(), self.local("etcd-peer").to_string()])
            .args(["--api".to_owned(), self.local("api").to_string()])
            .args(["--acme".to_owned(), self.local("acme").to_string()])
            .args(["--dns".to_owned(), dns.to_string()])
            .args(["--edge-http".to_owned(), self.port("edge-http").to_string()])
    }

    fn with_ready_file(&self, part: &str) -> PartSpec {
        let file = self.dir().join("ready").join(part);
        self.devcluster(part).args(["--ready-file".to_owned(), file.display().to_string()]).ready(Ready::File(file))
    }

    pub(crate) fn etcd(&self) -> PartSpec {
        self.with_ready_file("etcd").binds(&["etcd", "etcd-peer"]).tier(0)
    }

    pub(crate) fn apiserver(&self) -> PartSpec {
        let ready = Ready::Https {
            address: self.local("api"),
            path: "/readyz".to_owned(),
            authority: self.dir().join("pki/ca.crt"),
        };
        self.devcluster("apiserver").ready(ready).binds(&["api"]).tier(1)
    }

    pub(crate) fn controllers(&self) -> PartSpec {
        self.with_ready_file("controllers").tier(2)
    }

    pub(crate) fn acme(&self) -> PartSpec {
        self.with_ready_file("acme").binds(&["acme"]).tier(2)
    }

    pub(crate) fn issuer(&self) -> PartSpec {
        let mut part = self
            .with_ready_file("issuer")
            .args(["--proxy".to_owned(), self.local("selfcheck-proxy").to_string()])
            .tier(2);
        if let Some(pause) = self.request_backoff {
            part = part.args(["--request-backoff".to_owned(), format!("{}ms", pause.as_millis())]);
        }
        // The self-check obeys these; the one it needs comes from the flag.
        part.unset = ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY"].map(str::to_owned).to_vec();
        part
    }

    pub(crate) fn selfcheck_proxy(&self) -> PartSpec {
        let address = self.local("selfcheck-proxy");
        PartSpec::new("selfcheck-proxy", self.binary, self.root)
            .args(["dev", "part", "selfcheck-proxy"])
            .args([address.to_string(), network::resolver(self.root, self.ports).to_string()])
            .args([self.port("edge-http").to_string()])
            .ready(Ready::Tcp(address))
            .binds(&["selfcheck-proxy"])
            .tier(2)
    }

    /// Applies files and folders and waits until the objects are in use.
    pub(crate) async fn apply(&self, what: &str, paths: &[PathBuf]) -> Result<(), StartError> {
        let ended = tokio::process::Command::new(self.programs.join("devcluster"))
            .args(["apply", "--dir", "."])
            .args(paths)
            .current_dir(self.dir())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| {
                let folder = self.programs.display();
                failed(
                    "run devcluster",
                    error.to_string(),
                    format!("delete the folder {folder} and start again: it is built anew"),
                )
            })?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.lines().last().unwrap_or_default();
        Err(failed(format!("apply {what}"), last, "see logs/apiserver.log, logs/istiod.log and logs/issuer.log"))
    }

    /// The CRDs that the parts and the product need.
    pub(crate) fn crds(&self) -> [PathBuf; 3] {
        ["cert-manager", "istio", "gateway-api"].map(|name| self.programs.join("crds").join(name))
    }

    /// A folder of rendered manifests: `before` (what istiod and cert-manager need to start), `base` (what production
    /// has too) and `after` (what needs them).
    pub(crate) fn manifests(&self, name: &str) -> PathBuf {
        self.dir().join("manifests").join(name)
    }

    /// The kubeconfig of an identity.
    pub(crate) fn kubeconfig(&self, identity: &str) -> PathBuf {
        self.dir().join(format!("{identity}.kubeconfig"))
    }

    /// The variables of a caller.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let path = |name: &str, path: PathBuf| (name.to_owned(), path.display().to_string());
        let text = |name: &str, value: String| (name.to_owned(), value);
        vec![
            path("KUBECONFIG", self.kubeconfig("tenantry")),
            path("KUBECONFIG_ADMIN", self.kubeconfig("admin")),
            path("PORTAL_DOMAIN_PROBE_CA_FILE", self.dir().join("acme-roots.pem")),
            path("TENANTRY_DEV_ACME_DOWN", self.dir().join("acme-down")),
            text("PORTAL_DOMAIN_CERT_ISSUER", "letsencrypt-http01".to_owned()),
            text("PORTAL_DOMAIN_EXTERNAL_HTTP_PORT", self.port("edge-http").to_string()),
            text("PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT", self.port("edge-https").to_string()),
            text("PORTAL_DOMAIN_SERVICE_HOST", "sebastian.msp.svc.cluster.local".to_owned()),
            text("PORTAL_DOMAIN_RESERVED_ZONES", crate::network::PLATFORM_ZONE.to_owned()),
            text("PORTAL_DOMAIN_SERVICE_PORT", "3000".to_owned()),
            text("PORTAL_DOMAIN_CHALLENGE_HOST", "portal-domain-challenge.msp.svc.cluster.local".to_owned()),
            text("PORTAL_DOMAIN_CHALLENGE_PORT", "8089".to_owned()),
        ]
    }
}
