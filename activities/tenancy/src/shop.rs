//! The vendor's shop: how far a checkout is, and how a creation ended.

use crate::counters::{CallbackKind, CallbackResult, TenancyCounters};
use crate::failure::{of_call, of_store};
use crate::settings::Outside;
use outbound::backoff::Backoff;
use outbound::{CallError, CallbackOutcome, CheckoutProgress, CheckoutStatus, IdempotencyKey, TenantCallback};
use proto::v1 as wire;
use std::time::{Duration, SystemTime};
use store::tenant::TenantStore;
use temporalio_sdk::activities::ActivityError;

/// What is answered to a run whose checkout is another creation's, or complete: that one's word is the last.
fn elsewhere() -> wire::OutboundReply {
    wire::OutboundReply { sent: Some(false), skipped: "ANOTHER_RUN".to_owned() }
}

/// What is answered where no shop is configured.
fn off() -> wire::OutboundReply {
    wire::OutboundReply { sent: Some(false), skipped: "OFF".to_owned() }
}

fn sent() -> wire::OutboundReply {
    wire::OutboundReply { sent: Some(true), skipped: String::new() }
}

/// What telling the shop works with.
pub(crate) struct Telling<'a> {
    pub(crate) store: &'a TenantStore,
    pub(crate) outside: Outside,
    pub(crate) counters: &'a TenancyCounters,
    pub(crate) attempt: u32,
}

impl Telling<'_> {
    /// Whether the news is not this creation's to tell. The claim on the checkout decides, and is taken with the tenant's rows.
    async fn is_elsewhere(&self, checkout: &str, origin_id: &str) -> Result<bool, ActivityError> {
        self.store.checkout_is_elsewhere(checkout, origin_id).await.map_err(of_store)
    }

    fn settle(&self, kind: CallbackKind, told: Result<(), CallError>) -> Result<wire::OutboundReply, ActivityError> {
        let Err(error) = told else {
            self.counters.callback(kind, CallbackResult::Sent);
            return Ok(sent());
        };
        let again = error.retry_in(Backoff::CALLBACK, self.attempt, &mut rand::rng()).is_some();
        self.counters.callback(kind, if again { CallbackResult::Retried } else { CallbackResult::Refused });
        Err(of_call(&error, Backoff::CALLBACK, self.attempt))
    }
}

/// Reports how far a checkout is.
pub(crate) async fn status(
    means: &Telling<'_>,
    request: &wire::CheckoutStatusRequest,
) -> Result<wire::OutboundReply, ActivityError> {
    let Some(shop) = &means.outside.shop else { return Ok(off()) };
    let progress = match request.status.as_str() {
        "pending" => CheckoutProgress::Pending,
        "started" => CheckoutProgress::Started,
        "completed" => CheckoutProgress::Completed { at: at(request.now_ms) },
        "failed" => CheckoutProgress::Failed { error: request.error.clone() },
        _ => CheckoutProgress::InProgress,
    };
    let is_last = matches!(progress, CheckoutProgress::Completed { .. });
    if !is_last && means.is_elsewhere(&request.checkout_session_id, &request.origin_id).await? {
        return Ok(elsewhere());
    }
    let key = IdempotencyKey::new(&format!("{}:{}", request.origin_id, progress.as_str()));
    let status = CheckoutStatus {
        checkout_session_id: request.checkout_session_id.clone(),
        workflow_id: request.workflow_id.clone(),
        progress,
    };
    let told = shop.checkout_status(&status, &key).await;
    means.settle(CallbackKind::Status, told)
}

/// Reports how a creation ended.
pub(crate) async fn callback(
    means: &Telling<'_>,
    request: &wire::ShopCallbackRequest,
) -> Result<wire::OutboundReply, ActivityError> {
    let Some(shop) = &means.outside.shop else { return Ok(off()) };
    let outcome = match request.status.as_str() {
        "completed" => CallbackOutcome::Completed { tenant_id: request.tenant_id.clone() },
        _ => CallbackOutcome::Failed {
            tenant_id: Some(request.tenant_id.clone()).filter(|id| !id.is_empty()),
            error: request.error.clone(),
        },
    };
    let is_failed = matches!(outcome, CallbackOutcome::Failed { .. });
    if is_failed && means.is_elsewhere(&request.checkout_session_id, &request.origin_id).await? {
        return Ok(elsewhere());
    }
    let key = IdempotencyKey::new(&format!("{}:{}", request.origin_id, outcome.as_str()));
    let callback = TenantCallback { session_id: request.checkout_session_id.clone(), outcome };
    let told = shop.tenant_callback(&callback, &key, SystemTime::now()).await;
    means.settle(CallbackKind::Outcome, told)
}

/// An instant of the workflow's clock.
fn at(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
