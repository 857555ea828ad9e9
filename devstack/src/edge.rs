//! The edge: istiod, and an Envoy that takes its configuration from it over mutual TLS.

use std::fs;
use std::io;

use crate::cluster::Cluster;
use crate::error::{StartError, prepare as failed};
use crate::spec::{PartSpec, Ready};
use crate::tools::Tools;

/// Mesh configuration for an edge without sidecars; upstream Envoy lacks Istio's own filters.
const MESH: &str = "trustDomain: cluster.local\nrootNamespace: istio-system\nenableAutoMtls: false\n\
    ingressControllerMode: \"OFF\"\naccessLogFile: /dev/stdout\n";

/// Writes the mesh and bootstrap configuration.
pub(crate) fn prepare(cluster: &Cluster<'_>) -> Result<(), StartError> {
    let dir = cluster.root.join("edge");
    let write = || -> io::Result<()> {
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("mesh.yaml"), MESH)?;
        let bootstrap = fs::read_to_string(cluster.project.join("devstack/cluster/envoy.yaml"))?
            .replace("${ADMIN_PORT}", &cluster.port("envoy-admin").to_string())
            .replace("${XDS_PORT}", &cluster.port("istiod-xds-tls").to_string())
            .replace("${MESH_DIR}", &cluster.dir().join("mesh").display().to_string());
        fs::write(dir.join("envoy.yaml"), bootstrap)
    };
    write().map_err(|error| failed("write the edge's configuration", error.to_string(), "see the message above"))
}

/// Describes istiod, with every listener on loopback.
pub(crate) fn istiod(cluster: &Cluster<'_>) -> PartSpec {
    let dir = cluster.root.join("edge");
    let mut part = PartSpec::new("istiod", cluster.programs.join("pilot-discovery"), &dir)
        .args(["discovery", "--meshConfig", "mesh.yaml", "--networksConfig", "none"])
        .args(["--kubeconfig".to_owned(), cluster.kubeconfig("admin").display().to_string()])
        .args(["--ctrlz_port", "0", "--shutdownDuration", "1s", "--log_output_level", "default:warn"])
        .env("POD_NAMESPACE", "istio-system")
        .env("POD_NAME", "istiod-dev-0")
        .env("CLUSTER_ID", "Kubernetes")
        .env("REVISION", "default")
        .env("ROOT_CA_DIR", cluster.dir().join("mesh").display().to_string())
        // Adds the name under which the API server calls the webhook.
        .env("ISTIOD_CUSTOM_HOST", "localhost")
        .env("ENABLE_LEADER_ELECTION", "false")
        // Upstream Envoy has neither of these filters and would refuse every listener.
        .env("PILOT_ENABLE_METADATA_EXCHANGE", "false")
        .env("PILOT_ENABLE_ALPN_FILTER", "false")
        .env("PILOT_DEBOUNCE_AFTER", "10ms")
        .ready(Ready::Http { address: cluster.local("istiod-http"), path: "/ready".to_owned() })
        .binds(&["istiod-http", "istiod-https", "istiod-xds", "istiod-xds-tls", "istiod-monitoring"])
        .tier(2);
    for (flag, port) in [
        ("--httpAddr", "istiod-http"),
        ("--httpsAddr", "istiod-https"),
        ("--grpcAddr", "istiod-xds"),
        ("--secureGRPCAddr", "istiod-xds-tls"),
        ("--monitoringAddr", "istiod-monitoring"),
    ] {
        part = part.args([flag.to_owned(), cluster.local(port).to_string()]);
    }
    part
}

/// Describes Envoy. It is ready when it has its first configuration, and with it the listener of port 80.
pub(crate) fn envoy(cluster: &Cluster<'_>, tools: &Tools) -> PartSpec {
    PartSpec::new("envoy", tools.bin.join("envoy"), cluster.root.join("edge"))
        .args(["-c", "envoy.yaml", "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"])
        .args(["--drain-time-s", "5"])
        .ready(Ready::Http { address: cluster.local("envoy-admin"), path: "/ready".to_owned() })
        .binds(&["envoy-admin", "edge-http", "edge-https"])
        .tier(3)
}
