//! A new appliance: no database yet, so everything goes into Secrets, from which the bootstrap job makes `license_state`.

use super::{CheckedIn, Grant, Installation, InstallationError, Standing};
use crate::ids::existing_appliance_id;
use crate::secrets::{self, LICENSE_SEED, SecretStore};
use crate::wire::RequireLicense;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// A new appliance.
#[derive(Clone)]
pub struct Fresh {
    secrets: Arc<dyn SecretStore>,
}

impl Fresh {
    /// Works on the Secrets of this cluster.
    pub fn new(secrets: Arc<dyn SecretStore>) -> Self {
        Self { secrets }
    }
}

#[async_trait]
impl Installation for Fresh {
    fn require_license(&self) -> RequireLicense {
        RequireLicense::No
    }

    /// Only the appliance id is read: a seed that exists does not decide which tenant the next code is for.
    fn has_database(&self) -> bool {
        false
    }

    async fn standing(&self) -> Result<Standing, InstallationError> {
        let found = self.secrets.read(LICENSE_SEED, secrets::APPLIANCE_ID).await?;
        let appliance_id = found.map(|id| existing_appliance_id(id.expose_secret())).transpose()?;
        Ok(Standing { appliance_id, ..Standing::default() })
    }

    async fn remember_time(&self, _highest: i64) -> Result<(), InstallationError> {
        Ok(())
    }

    async fn set_time(&self, _highest: i64) -> Result<(), InstallationError> {
        Ok(())
    }

    async fn remember_keyset(&self, _statement: &str) -> Result<(), InstallationError> {
        Ok(())
    }

    async fn grant_in_database(&self, _grant: &Grant<'_>) -> Result<(), InstallationError> {
        Ok(())
    }

    /// The tenant's id last: the Secret that makes the application create its tenant is complete only when the licence is
    /// there.
    async fn grant_in_secrets(&self, grant: &Grant<'_>) -> Result<(), InstallationError> {
        secrets::ensure_auth_key(&*self.secrets, &mut credentials::system_random()).await?;
        secrets::write_seed(&*self.secrets, grant.appliance_id, grant.answer).await?;
        secrets::adopt_tenant(&*self.secrets, grant.answer.tenant).await?;
        Ok(())
    }

    async fn apply(&self, token: &SecretString, _highest: i64) -> Result<(), InstallationError> {
        Ok(secrets::write_token(&*self.secrets, token).await?)
    }

    async fn checked_in(&self, change: &CheckedIn) -> Result<(), InstallationError> {
        match &change.token {
            Some(token) => Ok(secrets::write_token(&*self.secrets, token).await?),
            None => Ok(()),
        }
    }
}
