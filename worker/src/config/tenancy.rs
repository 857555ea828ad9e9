//! Settings of tenant provisioning (tenant-provisioning contract, section 2).

use super::mail::{self, MailSettings};
use super::secret::Secret;
use super::source::Reader;
use ::mail::{Mailbox, is_link};
use credentials::{KeyFile, KeyFileError, ParamsError, PasswordHasher, PasswordParams};
use outbound::{BaseUrl, Cleartext, LegacySignature};
use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;
use tenancy::CredentialMode;
use uuid::Uuid;

/// The vendor's shop.
#[derive(Debug, Clone)]
pub(crate) struct ShopAccess {
    pub(crate) base: BaseUrl,
    pub(crate) internal_secret: SecretString,
    pub(crate) webhook_secret: SecretString,
    pub(crate) legacy_signature: LegacySignature,
}

/// Settings of the tenant queues.
#[derive(Clone)]
pub(crate) struct TenancyConfig {
    /// `APPLICATION_URL`, else `NEXTAUTH_URL`.
    pub(crate) sign_in_url: String,
    /// `WELCOME_SUPPORT_URL`.
    pub(crate) support_url: String,
    /// `SALT_BYTES`, `ITERATIONS`, `KEY_LENGTH`, `ALGORITHM`, and the pepper `NEXTAUTH_SECRET`.
    pub(crate) password: PasswordParams,
    pub(crate) pepper: SecretString,
    /// `TENANTRY_SEALING_KEYS_FILE`.
    pub(crate) keys_file: PathBuf,
    /// `CREDENTIAL_MODE`.
    pub(crate) credential_mode: CredentialMode,
    /// `MANAGEMENT_TENANT_ID`, else `MASTER_BILLING_TENANT_ID`.
    pub(crate) management_tenant: Option<Uuid>,
    /// `MASTER_BILLING_TENANT_ID`.
    pub(crate) billing_tenant: Option<Uuid>,
    /// `EMAIL_PROVIDER` and what belongs to it.
    pub(crate) mail: MailSettings,
    /// `RESEND_DEFAULT_FROM_ADDRESS` and `_NAME`.
    pub(crate) sender: Option<Mailbox>,
    /// `STRIPE_SECRET_KEY`, with `STRIPE_API_URL`.
    pub(crate) stripe: Option<(BaseUrl, SecretString)>,
    /// `STRIPE_*_PRICE_ID`: prices that count users.
    pub(crate) user_prices: Vec<String>,
    /// `NMSTORE_BASE_URL` and its secrets.
    pub(crate) shop: Option<ShopAccess>,
    /// `ALGA_APP_BASE_URL` and `ALGA_WEBHOOK_SECRET`.
    pub(crate) app: Option<(BaseUrl, SecretString)>,
    /// `SECRET_FS_BASE_PATH` or its defaults: for `passwordRef`.
    pub(crate) secret_folder: Option<PathBuf>,
}

/// Shows no secret and no address.
impl fmt::Debug for TenancyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenancyConfig")
            .field("management_tenant", &self.management_tenant)
            .field("stripe", &self.stripe.is_some())
            .field("shop", &self.shop.is_some())
            .field("app", &self.app.is_some())
            .finish_non_exhaustive()
    }
}

/// Where people ask for help when nothing else is set (contract, section 8.1).
const SUPPORT_URL: &str = "https://portal.nineminds.com/auth/client-portal/signin";
/// Names of the settings with prices that count users.
const USER_PRICES: [&str; 6] = [
    "STRIPE_PRO_PRICE_ID",
    "STRIPE_PRO_ANNUAL_PRICE_ID",
    "STRIPE_ALGADESK_USER_PRICE_ID",
    "STRIPE_ALGADESK_USER_ANNUAL_PRICE_ID",
    "STRIPE_ALGAPSA_USER_PRICE_ID",
    "STRIPE_ALGAPSA_USER_ANNUAL_PRICE_ID",
];

impl TenancyConfig {
    /// Reads all of it; `None` stands for a problem that was noted.
    pub(super) fn read(reader: &mut Reader<'_>, production: bool) -> Option<Self> {
        let sign_in_url = read_sign_in(reader);
        let support_url = reader.text_or("WELCOME_SUPPORT_URL", SUPPORT_URL);
        if !is_link(&support_url) {
            reader.problem("WELCOME_SUPPORT_URL", "must be an http or https URL");
        }
        let pepper = required(reader, "NEXTAUTH_SECRET");
        let password = read_params(reader, production);
        let keys_file = read_keys(reader);
        let billing_tenant = reader.parsed("MASTER_BILLING_TENANT_ID", "must be a UUID");
        let management_tenant = reader.parsed("MANAGEMENT_TENANT_ID", "must be a UUID").or(billing_tenant);
        let sender = mail::read_sender(reader, production);
        let mail = mail::read(reader, production);
        let stripe = optional(reader, "STRIPE_SECRET_KEY");
        let stripe_base = url(reader, "STRIPE_API_URL", ::billing::DEFAULT_BASE);
        let shop = read_shop(reader);
        let app = read_app(reader);
        let credential_mode = read_mode(reader, app.is_some());
        if reader.text("SEED_PACK_DIR").is_some() {
            // To leave it out in silence would let an operator believe that it is applied.
            reader.problem(
                "SEED_PACK_DIR",
                "must not be set: seed packs cannot be applied yet, results list what is missing",
            );
        }
        Some(Self {
            sign_in_url: sign_in_url?,
            support_url,
            password: password?,
            pepper: pepper?,
            keys_file: keys_file?,
            credential_mode,
            management_tenant,
            billing_tenant,
            mail: mail?,
            sender,
            stripe: stripe_base.zip(stripe),
            user_prices: USER_PRICES.iter().filter_map(|name| reader.text(name)).collect(),
            shop,
            app,
            secret_folder: reader.source().secret_folder(),
        })
    }
}

fn secret(found: Secret) -> SecretString {
    SecretString::from(found.expose())
}

pub(super) fn optional(reader: &mut Reader<'_>, variable: &'static str) -> Option<SecretString> {
    reader.secret(variable).map(secret)
}

pub(super) fn required(reader: &mut Reader<'_>, variable: &'static str) -> Option<SecretString> {
    let before = reader.problems();
    let found = optional(reader, variable);
    if found.is_none() && reader.problems() == before {
        reader.problem(variable, "is required");
    }
    found
}

/// An address of a system outside. Cleartext only on loopback: its requests carry secrets.
pub(super) fn url(reader: &mut Reader<'_>, variable: &'static str, default: &str) -> Option<BaseUrl> {
    let text = reader.text_or(variable, default);
    let parsed = BaseUrl::parse(&text, Cleartext::LoopbackOnly);
    if parsed.is_err() {
        reader.problem(variable, "must be an https URL, or an http one of this machine");
    }
    parsed.ok()
}

fn read_sign_in(reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text("APPLICATION_URL").or_else(|| reader.text("NEXTAUTH_URL"));
    match text {
        Some(text) if is_link(&text) => Some(text),
        Some(_) => {
            reader.problem("APPLICATION_URL", "must be an http or https URL");
            None
        }
        None => {
            reader.problem("APPLICATION_URL", "is required (or NEXTAUTH_URL): the welcome mail leads there");
            None
        }
    }
}

fn read_params(reader: &mut Reader<'_>, production: bool) -> Option<PasswordParams> {
    if production && reader.text("ITERATIONS").is_none() {
        reader.problem("ITERATIONS", "is required with NODE_ENV=production: it must be the application's own");
    }
    let texts = ["SALT_BYTES", "ITERATIONS", "KEY_LENGTH", "ALGORITHM"].map(|name| reader.text(name));
    let texts = texts.each_ref().map(Option::as_deref);
    // Each alone, because together only the first fault is told.
    for at in 0..texts.len() {
        let alone: [Option<&str>; 4] = std::array::from_fn(|n| texts.get(n).copied().flatten().filter(|_| n == at));
        match PasswordParams::from_settings(alone) {
            Ok(_) => {}
            Err(ParamsError::OutOfRange { setting, .. }) => reader.problem(setting, "is out of range"),
            Err(ParamsError::UnknownAlgorithm) => reader.problem("ALGORITHM", "must be sha512 or sha256"),
            Err(ParamsError::Ambiguous { setting }) => reader.problem(setting, "must be a plain decimal number"),
        }
    }
    PasswordParams::from_settings(texts).ok()
}

/// Only whether it can be used; the worker reads it again when it changes.
fn read_keys(reader: &mut Reader<'_>) -> Option<PathBuf> {
    let variable = "TENANTRY_SEALING_KEYS_FILE";
    let Some(path) = reader.readable_file(variable) else {
        if reader.text(variable).is_none() {
            reader
                .problem(variable, "is required: a file with the line `hash` and a sealing key (see docs/settings.md)");
        }
        return None;
    };
    let usable = KeyFile::read(&path).and_then(|file| file.hashing().map(drop));
    match usable {
        Ok(()) => Some(path),
        Err(KeyFileError::NoHashKey) => {
            reader.problem(variable, "names a file without the line `hash`");
            None
        }
        Err(_) => {
            reader.problem(variable, "names a file that is no key file: each line is an id and 32 bytes in base64");
            None
        }
    }
}

fn read_shop(reader: &mut Reader<'_>) -> Option<ShopAccess> {
    let variable = if reader.text("NMSTORE_BASE_URL").is_some() { "NMSTORE_BASE_URL" } else { "NM_STORE_URL" };
    let text = reader.text(variable)?;
    let base = url(reader, variable, &text);
    let webhook_secret = required(reader, "TEMPORAL_WEBHOOK_SECRET");
    let internal_secret = optional(reader, "INTERNAL_API_SHARED_SECRET").or_else(|| optional(reader, "ALGA_AUTH_KEY"));
    if internal_secret.is_none() {
        reader.problem("INTERNAL_API_SHARED_SECRET", "is required with NMSTORE_BASE_URL (or ALGA_AUTH_KEY)");
    }
    let legacy = reader.flag("SHOP_LEGACY_SIGNATURE", true);
    Some(ShopAccess {
        base: base?,
        internal_secret: internal_secret?,
        webhook_secret: webhook_secret?,
        legacy_signature: if legacy { LegacySignature::Sent } else { LegacySignature::Off },
    })
}

/// Signed calls to the application, when there is a secret to sign with.
fn read_app(reader: &mut Reader<'_>) -> Option<(BaseUrl, SecretString)> {
    let secret = optional(reader, "ALGA_WEBHOOK_SECRET")?;
    let variable = ["ALGA_APP_BASE_URL", "NEXTAUTH_URL", "NEXT_PUBLIC_BASE_URL"]
        .into_iter()
        .find(|name| reader.text(name).is_some());
    let Some(variable) = variable else {
        reader.problem("ALGA_APP_BASE_URL", "is required with ALGA_WEBHOOK_SECRET");
        return None;
    };
    url(reader, variable, "").zip(Some(secret))
}

fn read_mode(reader: &mut Reader<'_>, app: bool) -> CredentialMode {
    let variable = "CREDENTIAL_MODE";
    match reader.text(variable).as_deref() {
        None | Some("mail") => CredentialMode::Mail,
        Some("link") => {
            if !app {
                reader.problem(variable, "needs ALGA_WEBHOOK_SECRET to be link");
            }
            CredentialMode::Link
        }
        Some(_) => {
            reader.problem(variable, "must be mail or link");
            CredentialMode::Mail
        }
    }
}

/// Builds the hasher; the pepper is never empty here.
pub(crate) fn hasher(config: &TenancyConfig) -> Option<PasswordHasher> {
    PasswordHasher::new(config.password, config.pepper.clone()).ok()
}
