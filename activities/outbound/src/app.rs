//! The application: signed calls to its billing routes (contract, section 8.3).

use crate::address::BaseUrl;
use crate::call::{Body, Call, Want};
use crate::caller::Caller;
use crate::error::CallError;
use crate::secret::{self, SecretFault};
use crate::shop::plain;
use crate::signatures::{self, RESET_SIGNATURE, RESET_TIMESTAMP};
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;

const WEBHOOK_SECRET: &str = "ALGA_WEBHOOK_SECRET";

/// How the application is reached. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// `ALGA_APP_BASE_URL`, else `NEXTAUTH_URL`, else `NEXT_PUBLIC_BASE_URL`.
    pub base: BaseUrl,
    /// `ALGA_WEBHOOK_SECRET`: signs the calls.
    pub webhook_secret: SecretString,
}

#[derive(Serialize)]
struct ResetWire<'a> {
    email: &'a str,
}

/// The application. One call is one attempt.
#[derive(Debug, Clone)]
pub struct App {
    caller: Arc<Caller>,
    settings: AppSettings,
}

impl App {
    /// Takes the settings.
    ///
    /// # Errors
    /// [`SecretFault`]: the secret is empty.
    pub fn new(caller: Arc<Caller>, settings: AppSettings) -> Result<Self, SecretFault> {
        secret::not_empty(WEBHOOK_SECRET, &settings.webhook_secret)?;
        Ok(Self { caller, settings })
    }

    /// Asks the application to mail a link to set a password. `now` is the time of the attempt: the receiver refuses
    /// signatures that are more than 5 min off. The address goes into the body and the signature only.
    ///
    /// The route knows no idempotency key: a repeat after [`CallError::OutcomeUnknown`] may send a second link, of which
    /// the person needs either.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn password_reset(&self, email: &str, now: SystemTime) -> Result<(), CallError> {
        let millis = signatures::epoch_millis(now);
        let signature = signatures::reset(&self.settings.webhook_secret, email, millis);
        let endpoint = self.settings.base.endpoint(&["api", "billing", "reactivation-password-reset"]);
        let call = Call::post(endpoint, Body::json(&ResetWire { email }), Want::Status)
            .header(RESET_TIMESTAMP, HeaderValue::from(millis))
            .header(RESET_SIGNATURE, plain(&signature));
        self.caller.send(call).await.map(|_| ())
    }
}
