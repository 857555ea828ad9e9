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

/// Shows the references of a message and leaves out what is secret or a person's.
macro_rules! debug_of_references {
    ($($message:ident { $($field:ident),+ })+) => {
        $(impl std::fmt::Debug for v1::$message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($message))$(.field(stringify!($field), &self.$field))+.finish_non_exhaustive()
            }
        })+
    };
}

debug_of_references! {
    EssentialsRegistrationInput { submission_id }
    RedeemInput { request_ref }
    PrepareRedemptionRequest { request_ref }
    ApplyInput { request_ref }
    ApplyRequest { request_ref }
}
