//! The Temporal development server.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::ports::Ports;
use crate::spec::{PartSpec, Ready};
use crate::tools::Tools;

/// Search attributes that answer "why is this waiting"; at most 10 of type Keyword exist.
const SEARCH_ATTRIBUTES: [&str; 4] = ["TenantId", "Domain", "DomainStatus", "DomainReason"];

/// As it comes, the development server reads its timer and transfer queues so rarely that steps take 230 ms and timers
/// seconds; with these limits a chain of five steps takes 24 ms (measured with server 1.32). Time skipping lets tests
/// run days of a domain's life in seconds.
const DYNAMIC_CONFIG: [&str; 3] = [
    "history.timerProcessorMaxPollRPS=1000",
    "history.transferProcessorMaxPollRPS=1000",
    "frontend.WorkflowTimeSkippingEnabled=true",
];

/// Takes the ports.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    ports.tcp("temporal")?;
    ports.tcp("temporal-ui")?;
    ports.tcp("temporal-http")?;
    ports.tcp("temporal-metrics").map(drop)
}

/// Describes the server; kept in a file unless the stack is ephemeral.
pub(crate) fn part(root: &Path, tools: &Tools, ports: &BTreeMap<String, u16>, ephemeral: bool) -> PartSpec {
    let port = |name: &str| ports.get(name).copied().unwrap_or_default();
    let cwd = root.join("temporal");
    let mut part = PartSpec::new("temporal", tools.bin.join("temporal"), &cwd)
        .args(["server", "start-dev", "--ip", "127.0.0.1", "--ui-ip", "127.0.0.1", "--log-level", "warn"])
        .args(["--ui-disable-news-fetch", "--disable-config-file", "--disable-config-env"])
        .args(["--namespace", crate::appliance::NAMESPACE])
        .args(["--port".to_owned(), port("temporal").to_string()])
        .args(["--ui-port".to_owned(), port("temporal-ui").to_string()])
        .args(["--http-port".to_owned(), port("temporal-http").to_string()])
        .args(["--metrics-port".to_owned(), port("temporal-metrics").to_string()])
        // Ready means that the namespace can be used, which the port alone does not say.
        .ready(Ready::Http {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port("temporal-http"))),
            path: "/api/v1/namespaces/default".to_owned(),
        })
        .binds(&["temporal", "temporal-ui", "temporal-http", "temporal-metrics"]);
    for value in DYNAMIC_CONFIG {
        part = part.args(["--dynamic-config-value", value]);
    }
    for name in SEARCH_ATTRIBUTES {
        part = part.args(["--search-attribute".to_owned(), format!("{name}=Keyword")]);
    }
    if !ephemeral {
        part = part.args(["--db-filename", "temporal.sqlite"]);
    }
    part.ready_within = Duration::from_secs(60);
    part
}

/// The variables of a caller.
pub(crate) fn environment(ports: &BTreeMap<String, u16>) -> Vec<(String, String)> {
    let port = |name: &str| ports.get(name).copied().unwrap_or_default();
    vec![
        ("TEMPORAL_ADDRESS".to_owned(), format!("127.0.0.1:{}", port("temporal"))),
        ("TEMPORAL_NAMESPACE".to_owned(), "default".to_owned()),
        ("TENANTRY_DEV_TEMPORAL_UI".to_owned(), format!("http://127.0.0.1:{}", port("temporal-ui"))),
    ]
}
