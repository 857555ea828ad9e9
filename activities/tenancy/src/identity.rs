//! The administrator: whose address it is, and which password they get.

use crate::failure::{final_failure, of_store};
use crate::password::Hashing;
use crate::settings::{Secrets, TenancySettings};
use credentials::{PasswordHash, Purpose};
use model::tenant::failure::FailureType;
use model::tenant::fault::{self, Fault, FaultCode};
use proto::v1 as wire;
use secrecy::SecretString;
use store::tenant::{AdminRow, TenantStore};
use temporalio_sdk::activities::ActivityError;

/// Keyed hash of an address, under which it is claimed.
pub(crate) fn address_key(secrets: &Secrets, email: &str) -> String {
    secrets.keyed.hash(Purpose::ClaimedAddress, &email.to_lowercase())
}

/// Refuses a hash of other lengths than this installation makes, before anything is written.
pub(crate) fn check_lengths(hashing: &Hashing, request: &wire::CreateTenantRequest) -> Result<(), ActivityError> {
    match (request.password_salt_chars, request.password_hash_chars) {
        (0, 0) => Ok(()),
        (salt, hash) if hashing.fits_lengths(salt, hash) => Ok(()),
        (_, _) => Err(other_lengths()),
    }
}

fn other_lengths() -> ActivityError {
    let fault = Fault::of("adminUser.passwordHash", FaultCode::BadForm);
    let text = "adminUser.passwordHash: BAD_FORM: its lengths are not those of this installation's parameters";
    final_failure(FailureType::Validation, text, Some(fault::details(&[fault])))
}

/// Hashes what was given, and writes the administrator.
pub(crate) async fn create(
    store: &TenantStore,
    secrets: &Secrets,
    settings: &TenancySettings,
    request: &wire::CreateAdminUserRequest,
) -> Result<wire::CreateAdminUserReply, ActivityError> {
    let hashing = (secrets.hashing)();
    let (hash, password_mac) = match given(settings, &hashing, request)? {
        Given::Nothing => (hashing.unusable(), None),
        Given::Hash(hash) => {
            let mac = secrets.keyed.hash(Purpose::InputPassword, hash.expose());
            (hash, Some(mac))
        }
        Given::Password(password) => {
            use secrecy::ExposeSecret as _;
            let mac = secrets.keyed.hash(Purpose::InputPassword, password.expose_secret());
            (hashing.hash(password).await, Some(mac))
        }
    };
    let row = AdminRow { request, hash: hash.expose(), password_mac };
    store.create_admin(&row).await.map_err(of_store)
}

enum Given {
    Nothing,
    Hash(PasswordHash),
    Password(SecretString),
}

/// The password in whichever form it came.
fn given(
    settings: &TenancySettings,
    hashing: &Hashing,
    request: &wire::CreateAdminUserRequest,
) -> Result<Given, ActivityError> {
    if !request.password.is_empty() {
        return Ok(Given::Password(SecretString::from(request.password.clone())));
    }
    if !request.password_hash.is_empty() {
        let hash = hashing.fitting(&request.password_hash).ok_or_else(other_lengths)?;
        return Ok(Given::Hash(hash));
    }
    if request.password_ref.is_empty() {
        return Ok(Given::Nothing);
    }
    let path = settings.secret_folder.as_ref().map(|folder| folder.join(&request.password_ref));
    // Only a plain file is opened: opening a pipe would wait for its writer.
    let file = path.filter(|path| std::fs::metadata(path).is_ok_and(|data| data.is_file()));
    let text = file.and_then(|path| std::fs::read_to_string(path).ok());
    match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Ok(Given::Password(SecretString::from(text))),
        None => {
            let text = "adminUser.passwordRef: names no mounted secret; mount it, then retry";
            Err(final_failure(FailureType::Configuration, text, None))
        }
    }
}
