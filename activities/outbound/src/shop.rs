//! The vendor's shop: status of a checkout, and the callback when a tenant is there or failed (contract, section 8.2).

use crate::address::BaseUrl;
use crate::call::{Body, Call, Want};
use crate::caller::Caller;
use crate::error::CallError;
use crate::key::IdempotencyKey;
use crate::secret::{self, SecretFault};
use crate::signatures::{self, TEMPORAL_SIGNATURE, TEMPORAL_SIGNATURE_V2, TEMPORAL_TIMESTAMP};
use crate::stamp::iso;
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;

const INTERNAL_SECRET: &str = "INTERNAL_API_SHARED_SECRET";
const WEBHOOK_SECRET: &str = "TEMPORAL_WEBHOOK_SECRET";

/// Whether callbacks carry `X-Temporal-Signature`, which does not cover the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySignature {
    /// Sent beside the new one: for a receiver that does not check the new one yet.
    Sent,
    /// Left out.
    Off,
}

/// How the shop is reached. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ShopSettings {
    /// `NMSTORE_BASE_URL`, else `NM_STORE_URL`.
    pub base: BaseUrl,
    /// `INTERNAL_API_SHARED_SECRET`, else `ALGA_AUTH_KEY`: proves who reports the status of a checkout.
    pub internal_secret: SecretString,
    /// `TEMPORAL_WEBHOOK_SECRET`: signs callbacks.
    pub webhook_secret: SecretString,
    /// Whether the older signature is still sent.
    pub legacy_signature: LegacySignature,
}

/// How far the tenant of a checkout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutProgress {
    /// Not started.
    Pending,
    /// Started.
    Started,
    /// At work.
    InProgress,
    /// Done.
    Completed {
        /// When. Sent in UTC with milliseconds.
        at: SystemTime,
    },
    /// Given up.
    Failed {
        /// Why, in words or a code that name no person.
        error: String,
    },
}

impl CheckoutProgress {
    /// The word on the wire, and the second half of the idempotency key.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::InProgress => "in_progress",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What the shop learns of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutStatus {
    /// Stripe's id of the checkout session.
    pub checkout_session_id: String,
    /// Workflow that creates the tenant.
    pub workflow_id: String,
    /// How far it is.
    pub progress: CheckoutProgress,
}

/// How the creation of a tenant ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// The tenant is there.
    Completed {
        /// Its id.
        tenant_id: String,
    },
    /// It was given up.
    Failed {
        /// Id of the tenant, if one was left behind for repair.
        tenant_id: Option<String>,
        /// Why, in words or a code that name no person.
        error: String,
    },
}

impl CallbackOutcome {
    /// The word on the wire, and the second half of the idempotency key.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What the shop is told at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCallback {
    /// Stripe's id of the checkout session.
    pub session_id: String,
    /// How it ended.
    pub outcome: CallbackOutcome,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusWire<'a> {
    checkout_session_id: &'a str,
    workflow_status: &'a str,
    workflow_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackWire<'a> {
    session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alga_tenant_id: Option<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The shop. One call is one attempt.
#[derive(Debug, Clone)]
pub struct Shop {
    caller: Arc<Caller>,
    settings: ShopSettings,
    internal_secret: HeaderValue,
}

impl Shop {
    /// Takes the settings.
    ///
    /// # Errors
    /// [`SecretFault`]: a secret is empty, or cannot be a header.
    pub fn new(caller: Arc<Caller>, settings: ShopSettings) -> Result<Self, SecretFault> {
        let internal_secret = secret::header(INTERNAL_SECRET, &settings.internal_secret)?;
        secret::not_empty(WEBHOOK_SECRET, &settings.webhook_secret)?;
        Ok(Self { caller, settings, internal_secret })
    }

    /// Reports how far a checkout is. `key` is `<workflow id>:<status>`, the same at each attempt.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn checkout_status(&self, status: &CheckoutStatus, key: &IdempotencyKey) -> Result<(), CallError> {
        let (workflow_completed_at, error) = match &status.progress {
            CheckoutProgress::Pending | CheckoutProgress::Started | CheckoutProgress::InProgress => (None, None),
            CheckoutProgress::Completed { at } => (Some(iso(*at)), None),
            CheckoutProgress::Failed { error } => (None, Some(error.as_str())),
        };
        let body = Body::json(&StatusWire {
            checkout_session_id: &status.checkout_session_id,
            workflow_status: status.progress.as_str(),
            workflow_id: &status.workflow_id,
            workflow_completed_at,
            error,
        });
        let endpoint = self.settings.base.endpoint(&["api", "internal", "checkout-session-status"]);
        let call =
            Call::post(endpoint, body, Want::Status).key(key).header("x-internal-secret", self.internal_secret.clone());
        self.caller.send(call).await.map(|_| ())
    }

    /// Reports how the creation of a tenant ended, signed for `now`. `key` is `<workflow id>:<status>`, the same at each
    /// attempt; `now` is the time of the attempt.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn tenant_callback(
        &self,
        callback: &TenantCallback,
        key: &IdempotencyKey,
        now: SystemTime,
    ) -> Result<(), CallError> {
        let (alga_tenant_id, error) = match &callback.outcome {
            CallbackOutcome::Completed { tenant_id } => (Some(tenant_id.as_str()), None),
            CallbackOutcome::Failed { tenant_id, error } => (tenant_id.as_deref(), Some(error.as_str())),
        };
        let status = callback.outcome.as_str();
        let body = Body::json(&CallbackWire { session_id: &callback.session_id, alga_tenant_id, status, error });
        let seconds = signatures::epoch_seconds(now);
        let secret = &self.settings.webhook_secret;
        let legacy = match self.settings.legacy_signature {
            LegacySignature::Sent => Some(signatures::temporal(secret, body.bytes())),
            LegacySignature::Off => None,
        };
        let signature = signatures::temporal_v2(secret, seconds, body.bytes());
        let endpoint = self.settings.base.endpoint(&["api", "webhooks", "temporal"]);
        let mut call = Call::post(endpoint, body, Want::Status)
            .key(key)
            .header(TEMPORAL_TIMESTAMP, HeaderValue::from(seconds))
            .header(TEMPORAL_SIGNATURE_V2, plain(&signature));
        if let Some(legacy) = legacy {
            call = call.header(TEMPORAL_SIGNATURE, plain(&legacy));
        }
        self.caller.send(call).await.map(|_| ())
    }
}

/// A signature as a header value.
pub(crate) fn plain(signature: &str) -> HeaderValue {
    HeaderValue::from_str(signature).expect("a signature is hex with a few ASCII marks")
}
