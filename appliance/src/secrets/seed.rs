//! What goes into which Secret.

use super::fields::{Fields, Scope, SecretStore, SecretsError};
use super::names::{
    ADMIN_EMAIL, ADMIN_FIRST_NAME, ADMIN_LAST_NAME, ADMIN_PASSWORD, APPLIANCE_CREDENTIAL, APPLIANCE_ID, AUTH_KEY,
    CHECK_IN_URL, EDITION_CHOICE, INITIAL_TENANT, INSTALL_EDITION, LICENSE_SEED, LICENSE_TOKEN, SHARED, TENANT_ID,
    TENANT_NAME,
};
use crate::ids::ApplianceId;
use crate::wire::RegisterAnswer;
use data_encoding::BASE64URL_NOPAD;
use model::license::edition::EditionChoice;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use uuid::Uuid;

/// Bytes of `ALGA_AUTH_KEY` (licensing contract, section 10).
const AUTH_KEY_BYTES: usize = 32;

/// Fewest characters of the administrator's password (licensing contract, section 10).
const PASSWORD_MIN: usize = 8;

/// Writes `appliance-license-seed` after a redemption, whole: what an earlier redemption wrote and this one does not bring
/// goes away.
///
/// # Errors
/// See [`SecretsError`].
pub async fn write_seed(
    secrets: &dyn SecretStore,
    appliance_id: &ApplianceId,
    answer: &RegisterAnswer,
) -> Result<(), SecretsError> {
    let mut fields = Fields::from([
        (EDITION_CHOICE, EditionChoice::Ee.as_str().into()),
        (INSTALL_EDITION, answer.edition.as_str().into()),
        (APPLIANCE_ID, appliance_id.as_str().into()),
    ]);
    if let Some(paid) = &answer.paid {
        fields.insert(LICENSE_TOKEN, paid.token.clone());
        fields.insert(APPLIANCE_CREDENTIAL, paid.credential.clone());
        fields.insert(CHECK_IN_URL, paid.check_in_url.as_str().into());
    }
    secrets.put(LICENSE_SEED, &fields, Scope::All).await
}

/// Writes the licence alone into `appliance-license-seed`.
///
/// # Errors
/// See [`SecretsError`].
pub async fn write_token(secrets: &dyn SecretStore, token: &SecretString) -> Result<(), SecretsError> {
    let fields = Fields::from([(EDITION_CHOICE, EditionChoice::Ee.as_str().into()), (LICENSE_TOKEN, token.clone())]);
    secrets.put(LICENSE_SEED, &fields, Scope::These).await
}

/// Writes `INITIAL_TENANT_ID`, so that the first tenant row adopts the registered id. What setup wrote beside it stays.
///
/// # Errors
/// See [`SecretsError`].
pub async fn adopt_tenant(secrets: &dyn SecretStore, tenant: Uuid) -> Result<(), SecretsError> {
    let fields = Fields::from([(TENANT_ID, tenant.to_string().into())]);
    secrets.put(INITIAL_TENANT, &fields, Scope::These).await
}

/// Makes `ALGA_AUTH_KEY` where there is none. One that exists is never replaced: it signs sessions and decrypts stored
/// secrets of the application. Tells whether it was made.
///
/// # Errors
/// See [`SecretsError`].
pub async fn ensure_auth_key(
    secrets: &dyn SecretStore,
    rng: &mut (impl CryptoRng + Send),
) -> Result<bool, SecretsError> {
    let mut bytes = zeroize::Zeroizing::new([0; AUTH_KEY_BYTES]);
    rng.fill_bytes(bytes.as_mut());
    let key = SecretString::from(BASE64URL_NOPAD.encode(bytes.as_ref()));
    secrets.put_once(SHARED, AUTH_KEY, &key).await
}

/// Takes the administrator's password out of the Secret once the tenant exists (licensing contract, L-21).
///
/// # Errors
/// See [`SecretsError`].
pub async fn forget_admin_password(secrets: &dyn SecretStore) -> Result<(), SecretsError> {
    secrets.remove(INITIAL_TENANT, ADMIN_PASSWORD).await
}

/// What setup asks for. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct InitialTenant {
    name: String,
    admin_first_name: String,
    admin_last_name: String,
    admin_email: String,
    admin_password: SecretString,
}

/// What is missing in the inputs of setup. Never repeats an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupFault {
    /// The tenant's name is empty.
    #[error("the name of the company is missing")]
    Name,
    /// The administrator's first name is empty.
    #[error("the first name of the administrator is missing")]
    FirstName,
    /// The administrator's last name is empty.
    #[error("the last name of the administrator is missing")]
    LastName,
    /// The administrator's address is empty or no address.
    #[error("the mail address of the administrator is missing or is none")]
    Email,
    /// The administrator's password is too weak.
    #[error("the password needs at least 8 characters, with lower and upper case, a digit and a special character")]
    Password,
}

impl InitialTenant {
    /// Checks the inputs of setup (licensing contract, section 10); all that is wrong is told at once.
    ///
    /// # Errors
    /// At least one [`SetupFault`], in the order of the form.
    pub fn parse(
        name: &str,
        admin_names: [&str; 2],
        admin_email: &str,
        admin_password: SecretString,
    ) -> Result<Self, Vec<SetupFault>> {
        let [first, last] = admin_names;
        let checks = [
            (!name.trim().is_empty(), SetupFault::Name),
            (!first.trim().is_empty(), SetupFault::FirstName),
            (!last.trim().is_empty(), SetupFault::LastName),
            (is_address(admin_email.trim()), SetupFault::Email),
            (is_strong(admin_password.expose_secret()), SetupFault::Password),
        ];
        let faults: Vec<SetupFault> = checks.into_iter().filter(|(fine, _)| !fine).map(|(_, fault)| fault).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            name: name.trim().to_owned(),
            admin_first_name: first.trim().to_owned(),
            admin_last_name: last.trim().to_owned(),
            admin_email: admin_email.trim().to_owned(),
            admin_password,
        })
    }
}

impl fmt::Debug for InitialTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InitialTenant").finish_non_exhaustive()
    }
}

/// Writes the inputs of setup. `INITIAL_TENANT_ID` stays as it is: without a redemption the application's database makes the
/// id (licensing contract, D10).
///
/// # Errors
/// See [`SecretsError`].
pub async fn write_initial_tenant(secrets: &dyn SecretStore, tenant: &InitialTenant) -> Result<(), SecretsError> {
    let fields = Fields::from([
        (TENANT_NAME, tenant.name.as_str().into()),
        (ADMIN_FIRST_NAME, tenant.admin_first_name.as_str().into()),
        (ADMIN_LAST_NAME, tenant.admin_last_name.as_str().into()),
        (ADMIN_EMAIL, tenant.admin_email.as_str().into()),
        (ADMIN_PASSWORD, tenant.admin_password.clone()),
    ]);
    secrets.put(INITIAL_TENANT, &fields, Scope::These).await
}

/// Something on both sides of one `@`, without blanks. Whether it receives mail shows when mail is sent.
fn is_address(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain && text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn is_strong(password: &str) -> bool {
    let any = |class: fn(char) -> bool| password.chars().any(class);
    password.chars().count() >= PASSWORD_MIN
        && any(char::is_lowercase)
        && any(char::is_uppercase)
        && any(char::is_numeric)
        && any(|c| !c.is_alphanumeric() && !c.is_whitespace())
}
