//! The Secrets that an appliance writes (licensing contract, section 10).

mod fields;
mod kubernetes;
mod names;
mod seed;

pub use fields::{Fields, Scope, SecretStore, SecretsError};
pub use kubernetes::KubernetesSecrets;
pub(crate) use names::APPLIANCE_ID;
pub use names::{INITIAL_TENANT, LICENSE_SEED, Place, SHARED};
pub use seed::{
    InitialTenant, SetupFault, adopt_tenant, ensure_auth_key, forget_admin_password, write_initial_tenant, write_seed,
    write_token,
};
