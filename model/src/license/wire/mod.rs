//! Requests and answers of the licence API, shared by the service and its clients.

pub mod check_in;
pub mod register;
pub mod verify_appliance;

mod secret_text;
