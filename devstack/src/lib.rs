//! Gets, builds, starts and stops the real parts of the local stack: no containers, loopback only.
//!
//! [`start`] brings the parts up and answers a [`Stack`]; [`attach`] finds a running one again; [`down`] ends it and
//! cleans up after a crash. One process per part, each with its data below one folder, so that a test can stop one
//! part and two checkouts can run side by side. What a caller needs to reach the parts is
//! [`Stack::environment`]: the variables of production.
//!
//! Parts that are ours run as `<executable> dev part <name> …`, which the executable hands to [`run_part`].

mod appliance;
mod cluster;
mod down;
mod downloads;
mod edge;
mod error;
mod external;
mod fetch;
mod golang;
mod license;
mod mail;
mod manifests;
mod network;
mod options;
mod parts;
mod pki;
mod ports;
mod postgres;
mod proc;
mod progress;
mod project;
mod ready;
mod roles;
mod rust;
mod seed;
mod spec;
mod stack;
mod start;
mod state;
mod supervise;
mod temporal;
mod tenancy;
mod tools;
mod wheels;

pub use appliance::{APPLIANCE_TENANT, variables_of_appliance};
pub use down::{DownError, DownReport, down};
pub use error::{PartError, StartError};
pub use external::{STACK_VARIABLE, points_outside};
pub use license::development_key;
pub use network::{CUSTOMER_ZONE, EDGE_ADDRESS, NOBODY_ADDRESS, PLATFORM_ZONE, dev_network};
pub use options::{Group, Migrate, Options, PartSet};
pub use parts::{SAMPLE_PRICE, is_part_command, run_part};
pub use progress::{Event, Lines, Progress, Silent};
pub use project::{ProjectError, find_project};
pub use spec::{PartSpec, Ready, StopWith};
pub use stack::{Condition, PartStatus, Signal, Stack, attach};
pub use start::start;
pub use tenancy::MANAGEMENT_TENANT;
pub use tools::{Tools, prepare};
