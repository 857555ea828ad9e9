//! Requests and answers of the licence API, shared by the service and its clients.

pub mod check_in;
pub mod claim_codes;
pub mod install_codes;
pub mod keys;
pub mod register;
pub mod register_tenant;
pub mod revoke;
pub mod sign;
pub mod tenants;
pub mod verify_appliance;

mod secret_text;
