//! Names of Secrets and of their keys. The application's charts read them, so none is ever renamed.

/// Where a Secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Namespace.
    pub namespace: &'static str,
    /// Name.
    pub name: &'static str,
}

/// The first tenant and its administrator.
pub const INITIAL_TENANT: Place = Place { namespace: "msp", name: "appliance-initial-tenant" };
/// What the bootstrap job makes `license_state` from.
pub const LICENSE_SEED: Place = Place { namespace: "msp", name: "appliance-license-seed" };
/// Shared secrets of the application.
pub const SHARED: Place = Place { namespace: "msp", name: "alga-psa-shared" };

pub(super) const TENANT_NAME: &str = "INITIAL_TENANT_NAME";
pub(super) const ADMIN_FIRST_NAME: &str = "INITIAL_ADMIN_FIRST_NAME";
pub(super) const ADMIN_LAST_NAME: &str = "INITIAL_ADMIN_LAST_NAME";
pub(super) const ADMIN_EMAIL: &str = "INITIAL_ADMIN_EMAIL";
pub(super) const ADMIN_PASSWORD: &str = "INITIAL_ADMIN_PASSWORD";
/// Set only after a redemption.
pub(super) const TENANT_ID: &str = "INITIAL_TENANT_ID";

pub(super) const EDITION_CHOICE: &str = "EDITION_CHOICE";
pub(super) const INSTALL_EDITION: &str = "INSTALL_EDITION";
pub(super) const LICENSE_TOKEN: &str = "LICENSE_TOKEN";
pub(crate) const APPLIANCE_ID: &str = "APPLIANCE_ID";
pub(super) const APPLIANCE_CREDENTIAL: &str = "APPLIANCE_CREDENTIAL";
pub(super) const CHECK_IN_URL: &str = "CHECK_IN_URL";

pub(super) const AUTH_KEY: &str = "ALGA_AUTH_KEY";
