//! The allowed dependencies between the crates of this workspace, and what workflow code may reach.
//!
//! The test beside this file compares the table with `cargo metadata` and fails with the reason of the edge.

/// Which of our crates a crate may depend on, outside tests.
pub const ALLOWED: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("model", &[]),
    ("contract", &["model", "proto"]),
    ("workflows", &["contract", "model", "proto"]),
    ("dns", &["contract", "model", "proto"]),
    ("cluster", &["contract", "model", "proto"]),
    ("probe", &["contract", "model", "proto"]),
    ("store", &["contract", "model", "proto"]),
    ("record", &["contract", "model", "proto"]),
    // Clients of outside systems know nothing of workflows; `tenancy` is what puts them to work.
    ("outbound", &[]),
    ("mail", &["model", "outbound"]),
    ("billing", &["outbound"]),
    ("credentials", &[]),
    ("codec", &["contract", "credentials"]),
    ("tenancy", &["billing", "contract", "credentials", "mail", "model", "outbound", "proto", "store"]),
    // Keys and signatures know no transport; the service knows no Temporal; the appliance's side is a library that both
    // the command line and the worker's activities call.
    ("license", &["credentials", "model"]),
    ("license-api", &["credentials", "license", "model"]),
    ("appliance", &["credentials", "license", "model", "outbound"]),
    // What `tenancy` is for creations, this is for licences; it shares its heartbeat and its clients of mail.
    ("licensing", &["appliance", "contract", "credentials", "mail", "model", "outbound", "proto", "store", "tenancy"]),
    ("challenge-responder", &["model"]),
    ("dns-server", &[]),
    // `license` signs the links of the download page.
    ("devstack", &["dns-server", "license"]),
    (
        "tenantry",
        &[
            "appliance",
            "billing",
            "challenge-responder",
            "cluster",
            "codec",
            "contract",
            "credentials",
            "devstack",
            "dns",
            // `dev dns set` edits the records of the sample name servers.
            "dns-server",
            "license",
            "license-api",
            "licensing",
            "mail",
            "model",
            "outbound",
            "probe",
            "proto",
            "record",
            "store",
            "tenancy",
            "workflows",
        ],
    ),
    ("harness", &["contract", "devstack", "dns-server", "model", "proto"]),
    ("architecture", &[]),
    ("conformance", &["dns", "dns-server"]),
    ("system", &["harness"]),
    // Licences are measured in the process; everything else from outside.
    ("bench", &["credentials", "harness", "license", "model"]),
];

/// Crates that a pure crate must not reach by any path: they hold sockets, files, clocks or clients.
pub const FENCED: &[&str] =
    &["tokio", "mio", "socket2", "hyper", "kube", "sqlx", "sqlx-core", "reqwest", "temporalio-sdk"];

/// Crates that reach nothing of [`FENCED`].
pub const PURE: &[&str] = &["proto", "model"];

/// What workflow code may name. The wasm-clean half of the SDK brings I/O crates of its own on native targets, so a path
/// proves nothing there; but a crate that is not a direct dependency cannot be spelled.
pub const NAMEABLE: &[(&str, &[&str])] = &[
    (
        "contract",
        &[
            "model",
            "proto",
            // Only to hand a password over: see convert/tenant.rs.
            "secrecy",
            "serde",
            "serde_json",
            "thiserror",
            "temporalio-common-wasm",
            "temporalio-macros",
            "temporalio-protos",
            "temporalio-workflow",
        ],
    ),
    (
        "workflows",
        &[
            "contract",
            "model",
            "proto",
            "serde",
            "serde_json",
            "temporalio-common-wasm",
            "temporalio-macros",
            "temporalio-protos",
            "temporalio-workflow",
        ],
    ),
];
