//! Every message that enters a workflow history or leaves the process, generated from `tenantry/v1/*.proto`.
//!
//! The JSON form is canonical proto JSON: camelCase names, defaults left out, unknown fields ignored.
#![expect(missing_docs, reason = "generated; the comments are in the .proto files")]

/// Version 1 of the messages.
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tenantry.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/tenantry.v1.serde.rs"));
}
