//! DNS as the authorities publish it: every authoritative address of a host's zone is asked, from the root down.
//!
//! The client is our own, because resolvers hide what is looked for here: which server says what. Questions go out with
//! `RD=0`; only answers with `AA=1` count. What it means is decided in [`model::portal::dns`].

mod settings;

mod budget;
mod exchange;
mod names;
mod zones;

mod addresses;
mod look;

mod activities;

pub use activities::DnsActivities;
pub use addresses::ResolveError;
pub use proto::v1::{HostLook, LookUpHostRequest};
pub use settings::{INTERNET_ROOT_HINTS, Settings};
