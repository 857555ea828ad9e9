//! Every message that enters a workflow history or leaves the process, generated from `tenantry/v1/*.proto`.
//!
//! The JSON form is canonical proto JSON: camelCase names, defaults left out, unknown fields ignored.
#![expect(missing_docs, reason = "generated; the comments are in the .proto files")]

/// Version 1 of the messages.
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tenantry.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/tenantry.v1.serde.rs"));
}

impl std::fmt::Debug for v1::CreateAdminUserRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateAdminUserRequest")
            .field("origin_id", &self.origin_id)
            .field("tenant_id", &self.tenant_id)
            .finish_non_exhaustive()
    }
}
