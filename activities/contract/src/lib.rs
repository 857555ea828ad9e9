//! What the outside sees of the workflows, and what the workflows see of the outside: frozen names, activity definitions
//! with their timeouts, and conversions between wire messages and the model.

pub mod activities;
pub mod convert;
pub mod licensing;
pub mod loose;
pub mod names;
pub mod options;
pub mod sensitive;
pub mod tenancy;
