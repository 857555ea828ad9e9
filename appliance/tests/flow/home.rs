//! An installation in memory, with the rules of the real one.

use appliance::ids::existing_appliance_id;
use appliance::installation::{CheckedIn, Grant, Installation, InstallationError, Standing};
use appliance::wire::RequireLicense;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// What the rows and Secrets hold.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Rows {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) appliance_id: Option<String>,
    pub(crate) credential: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) check_in_url: Option<String>,
    pub(crate) highest: i64,
    pub(crate) keyset: Option<String>,
    pub(crate) last_check_in: Option<i64>,
    pub(crate) secrets: BTreeMap<&'static str, String>,
}

/// The installation. `licenses` says how many rows of licence state there are.
pub(crate) struct Home {
    rows: Mutex<Rows>,
    pub(crate) require: RequireLicense,
    pub(crate) licenses: usize,
}

impl Home {
    pub(crate) fn fresh() -> Self {
        Self { rows: Mutex::default(), require: RequireLicense::No, licenses: 1 }
    }

    pub(crate) fn installed(tenant: Uuid) -> Self {
        let rows = Rows { tenant: Some(tenant), ..Rows::default() };
        Self { rows: Mutex::new(rows), require: RequireLicense::Yes, licenses: 1 }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    pub(crate) fn rows(&self) -> Rows {
        self.lock().clone()
    }
}

#[async_trait]
impl Installation for Home {
    fn require_license(&self) -> RequireLicense {
        self.require
    }

    fn has_database(&self) -> bool {
        true
    }

    async fn standing(&self) -> Result<Standing, InstallationError> {
        match self.licenses {
            0 => return Err(InstallationError::Missing("row of licence state")),
            1 => {}
            _ => return Err(InstallationError::Duplicate("row of licence state")),
        }
        let rows = self.rows();
        let secret = |text: Option<String>| text.map(SecretString::from);
        Ok(Standing {
            tenant: rows.tenant,
            appliance_id: rows.appliance_id.map(|id| existing_appliance_id(&id)).transpose()?,
            credential: secret(rows.credential),
            token: secret(rows.token),
            check_in_url: rows.check_in_url,
            highest: rows.highest,
            keyset: rows.keyset,
            last_check_in: None,
        })
    }

    async fn remember_time(&self, highest: i64) -> Result<(), InstallationError> {
        let mut rows = self.lock();
        rows.highest = rows.highest.max(highest);
        Ok(())
    }

    async fn set_time(&self, highest: i64) -> Result<(), InstallationError> {
        self.lock().highest = highest;
        Ok(())
    }

    async fn remember_keyset(&self, statement: &str) -> Result<(), InstallationError> {
        self.lock().keyset = Some(statement.to_owned());
        Ok(())
    }

    async fn grant_in_database(&self, grant: &Grant<'_>) -> Result<(), InstallationError> {
        let mut rows = self.lock();
        let paid = grant.answer.paid.as_ref();
        rows.appliance_id = Some(grant.appliance_id.as_str().to_owned());
        rows.credential = paid.map(|paid| paid.credential.expose_secret().to_owned());
        rows.token = paid.map(|paid| paid.token.expose_secret().to_owned());
        rows.check_in_url = paid.map(|paid| paid.check_in_url.clone());
        rows.highest = rows.highest.max(grant.highest);
        Ok(())
    }

    async fn grant_in_secrets(&self, grant: &Grant<'_>) -> Result<(), InstallationError> {
        let mut rows = self.lock();
        assert!(rows.appliance_id.is_some(), "the database comes first");
        rows.secrets.insert("APPLIANCE_ID", grant.appliance_id.as_str().to_owned());
        rows.secrets.insert("INITIAL_TENANT_ID", grant.answer.tenant.to_string());
        if let Some(paid) = &grant.answer.paid {
            rows.secrets.insert("LICENSE_TOKEN", paid.token.expose_secret().to_owned());
            rows.secrets.insert("APPLIANCE_CREDENTIAL", paid.credential.expose_secret().to_owned());
        }
        Ok(())
    }

    async fn apply(&self, token: &SecretString, highest: i64) -> Result<(), InstallationError> {
        let mut rows = self.lock();
        rows.token = Some(token.expose_secret().to_owned());
        rows.highest = rows.highest.max(highest);
        rows.secrets.insert("LICENSE_TOKEN", token.expose_secret().to_owned());
        Ok(())
    }

    async fn checked_in(&self, change: &CheckedIn) -> Result<(), InstallationError> {
        let mut rows = self.lock();
        let previous = change.previous.as_ref().map(|token| token.expose_secret().to_owned());
        if rows.credential.as_deref() != Some(change.credential.expose_secret()) || rows.token != previous {
            return Err(InstallationError::Changed);
        }
        if let Some(token) = &change.token {
            rows.token = Some(token.expose_secret().to_owned());
        }
        rows.last_check_in = Some(change.at);
        rows.highest = change.highest;
        if let Some(keyset) = &change.keyset {
            rows.keyset = Some(keyset.clone());
        }
        Ok(())
    }
}
