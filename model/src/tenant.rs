//! Tenant provisioning: what a caller may ask for, the steps, and what follows when one of them fails.

pub mod address;
pub mod failure;
pub mod fault;
pub mod input;
pub mod names;
pub mod product;
pub mod repair;
pub mod resend;
pub mod seeds;
pub mod step;
