//! Service secrets: who may call which route (licensing contract, sections 5.1 and 15).

mod caller;
mod file;
mod set;
mod watch;

pub use caller::Caller;
pub use file::{SecretsFault, parse_file};
pub use set::{Grant, SecretSet};
pub use watch::{SecretSources, WatchedSecrets};
