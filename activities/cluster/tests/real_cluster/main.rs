//! The same steps against a real API server with cert-manager, istiod's webhook and the manifests of `deploy/base`.
//!
//! Runs where `KUBECONFIG` (the worker's own identity) and `KUBECONFIG_ADMIN` are set; says "not run" elsewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its objects fails here")]

mod adoption;
mod claims;
mod removal;
mod rig;
mod rights;
mod rounds;
