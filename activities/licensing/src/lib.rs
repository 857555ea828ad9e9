//! The activities of licensing: what puts the licence API, mail, and an appliance's own database and Secrets to work.
//!
//! Two halves. `registry` runs beside the vendor's systems and calls the licence API with a service secret; `site` runs on an
//! appliance. A code, a licence or a credential is handled in here and in no answer and no failure.

mod activities;
mod counters;
mod failure;
mod install_mail;
mod registry;
mod site;

pub use activities::{ApplianceActivities, RegistryActivities};
pub use counters::LicensingCounters;
pub use install_mail::{MailParts, Page};
pub use registry::{RegistryApi, RegistryFault, refusal_of};
pub use site::{Connected, Protection, Site, Standpoint};
