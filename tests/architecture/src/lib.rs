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
    ("challenge-responder", &["model"]),
    ("dns-server", &[]),
    ("devstack", &["dns-server"]),
    (
        "tenantry",
        &[
            "challenge-responder",
            "cluster",
            "contract",
            "devstack",
            "dns",
            "model",
            "probe",
            "proto",
            "record",
            "store",
            "workflows",
        ],
    ),
    ("harness", &["contract", "devstack", "dns-server", "model", "proto"]),
    ("architecture", &[]),
    ("conformance", &["dns", "dns-server"]),
    ("system", &["harness"]),
    ("bench", &["harness"]),
];

/// Crates that a pure crate or a workflow must not reach by any path: they hold sockets, files, clocks or clients.
pub const FENCED: &[&str] =
    &["tokio", "mio", "socket2", "hyper", "kube", "sqlx", "sqlx-core", "reqwest", "temporalio-sdk"];

/// Crates that are fenced.
pub const PURE: &[&str] = &["proto", "model", "contract", "workflows"];
