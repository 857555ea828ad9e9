//! What tenant provisioning works with: its part of the database, its secrets, and the systems outside.

use crate::config::{MailSettings, TenancyConfig, hasher};
use crate::exit::{Exit, Failure, OrExit as _};
use billing::{PriceId, Stripe, StripeHttp, StripeSettings};
use codec::WatchedKeys;
use credentials::KeyFile;
use mail::{MockMail, Resend, SendMail, Smtp};
use outbound::{App, AppSettings, Caller, Limits, Shop, ShopSettings};
use sqlx::PgPool;
use std::sync::Arc;
use store::tenant::{TenantSettings, TenantStore};
use tenancy::{Hashing, Now, Outside, Secrets, TenancySettings};

/// The steps in the database.
pub(crate) fn store(config: &TenancyConfig, pool: PgPool) -> TenantStore {
    TenantStore::new(pool, TenantSettings { billing_tenant: config.billing_tenant })
}

/// Settings of the activities.
///
/// # Errors
/// Nobody is named as the sender of mails.
pub(crate) fn settings(config: &TenancyConfig) -> Result<TenancySettings, Failure> {
    let sender = config.sender.clone();
    Ok(TenancySettings {
        management_tenant: config.management_tenant,
        credential_mode: config.credential_mode,
        sign_in_url: config.sign_in_url.clone(),
        support_url: config.support_url.clone(),
        sender: sender.ok_or_else(|| Failure::new(Exit::No, "RESEND_DEFAULT_FROM_ADDRESS: is required"))?,
        secret_folder: config.secret_folder.clone(),
    })
}

/// Makes password hashes with the settings' parameters and pepper, as many at once as there are cores.
///
/// # Errors
/// There is no pepper.
pub(crate) fn hashing(config: &TenancyConfig) -> Result<Hashing, Failure> {
    let hasher = hasher(config).ok_or_else(|| Failure::new(Exit::No, "NEXTAUTH_SECRET: is required"))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Hashing::new(hasher, cores))
}

/// What is kept secret. The key file is read here.
///
/// # Errors
/// The key file changed since the settings were read and cannot be used.
pub(crate) fn secrets(config: &TenancyConfig, hashing: Now<Hashing>) -> Result<Secrets, Failure> {
    let file = KeyFile::read(&config.keys_file).or_exit(Exit::No, "could not use TENANTRY_SEALING_KEYS_FILE")?;
    let (_, keyed) = file.into_parts().or_exit(Exit::No, "could not use TENANTRY_SEALING_KEYS_FILE")?;
    // Read again when the file changes; the key of keyed hashes stays what it was at the start.
    let watched = WatchedKeys::open(&config.keys_file).or_exit(Exit::No, "could not use TENANTRY_SEALING_KEYS_FILE")?;
    Ok(Secrets { hashing, sealing: Arc::new(move || watched.current()), keyed: Arc::new(keyed) })
}

/// The systems outside. Nothing is connected yet.
///
/// # Errors
/// A secret cannot stand in a header, or a file of authorities cannot be read.
pub(crate) fn outside(config: &TenancyConfig) -> Result<Outside, Failure> {
    let caller = Arc::new(Caller::new(Limits::default()).or_exit(Exit::Internal, "could not make an HTTPS client")?);
    let mail: Arc<dyn SendMail> = match &config.mail {
        MailSettings::Mock => Arc::new(MockMail::new()),
        MailSettings::Resend { base, api_key } => Arc::new(
            Resend::new(caller.clone(), base.clone(), api_key).or_exit(Exit::No, "could not use RESEND_API_KEY")?,
        ),
        MailSettings::Smtp(settings) => {
            Arc::new(Smtp::new((**settings).clone()).or_exit(Exit::No, "could not use the settings of SMTP")?)
        }
    };
    let stripe: Option<Arc<dyn Stripe>> = match &config.stripe {
        None => None,
        Some((base, secret_key)) => {
            let per_user_prices =
                config.user_prices.iter().filter_map(|id| PriceId::try_from(id.as_str()).ok()).collect();
            let settings = StripeSettings { base: base.clone(), secret_key: secret_key.clone(), per_user_prices };
            let client =
                StripeHttp::new(caller.clone(), settings).or_exit(Exit::No, "could not use STRIPE_SECRET_KEY")?;
            Some(Arc::new(client))
        }
    };
    let shop = match &config.shop {
        None => None,
        Some(access) => {
            let settings = ShopSettings {
                base: access.base.clone(),
                internal_secret: access.internal_secret.clone(),
                webhook_secret: access.webhook_secret.clone(),
                legacy_signature: access.legacy_signature,
            };
            let shop = Shop::new(caller.clone(), settings).or_exit(Exit::No, "could not use the shop's secrets")?;
            Some(Arc::new(shop))
        }
    };
    let app = match &config.app {
        None => None,
        Some((base, webhook_secret)) => {
            let settings = AppSettings { base: base.clone(), webhook_secret: webhook_secret.clone() };
            Some(Arc::new(App::new(caller, settings).or_exit(Exit::No, "could not use ALGA_WEBHOOK_SECRET")?))
        }
    };
    Ok(Outside { mail, stripe, shop, app })
}
