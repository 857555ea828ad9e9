//! The activities: one file for each half.

mod appliance;
mod registry;

pub use self::appliance::ApplianceActivities;
pub use self::registry::RegistryActivities;
