//! What became of mails and callbacks, for Prometheus (tenant-provisioning contract, R19).
//!
//! One count for each try: a mail that went out at the third try is two of its error's code and one `sent`. Labels are closed
//! sets; no tenant, no address.

use prometheus::{IntCounterVec, Opts, Registry};

/// Counts of one process.
#[derive(Debug, Clone)]
pub struct TenancyCounters {
    mails: IntCounterVec,
    unsent: IntCounterVec,
    callbacks: IntCounterVec,
}

/// What the shop was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackKind {
    /// How far a checkout is.
    Status,
    /// How a creation ended.
    Outcome,
}

/// What became of one try to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackResult {
    /// The shop took it.
    Sent,
    /// The shop is away or asks to come back: tried again.
    Retried,
    /// The shop refused it for good.
    Refused,
}

impl TenancyCounters {
    /// Makes the counters and registers them.
    ///
    /// # Errors
    /// A name was registered twice.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = Self::new()?;
        registry.register(Box::new(counters.mails.clone()))?;
        registry.register(Box::new(counters.unsent.clone()))?;
        registry.register(Box::new(counters.callbacks.clone()))?;
        Ok(counters)
    }

    /// Counters that nobody reads.
    ///
    /// # Panics
    /// Never: the names are constants.
    pub fn unread() -> Self {
        Self::new().expect("the names and labels are valid")
    }

    fn new() -> Result<Self, prometheus::Error> {
        let mails = Opts::new(
            "tenantry_mails_total",
            "Tries to send a welcome mail, by result: sent, or the code of the error. Act when another code than sent grows: \
             docs/runbook-tenants.md.",
        );
        let unsent = Opts::new(
            "tenantry_mails_unsent_total",
            "Welcome mails that will not go out, by reason: the code of the error, or STEP_LEFT_OUT. Act on each: \
             `tenantry tenant resend-welcome`, docs/runbook-tenants.md.",
        );
        let callbacks = Opts::new(
            "tenantry_shop_callbacks_total",
            "Tries to tell the shop of a creation, by kind and result. Act when refused grows: the shop does not learn how \
             checkouts end.",
        );
        let counters = Self {
            mails: IntCounterVec::new(mails, &["result"])?,
            unsent: IntCounterVec::new(unsent, &["reason"])?,
            callbacks: IntCounterVec::new(callbacks, &["kind", "result"])?,
        };
        // Written before the first event, so that an alarm on a rate sees the first one.
        counters.mails.with_label_values(&["sent"]);
        counters.unsent.with_label_values(&["STEP_LEFT_OUT"]);
        for kind in [CallbackKind::Status, CallbackKind::Outcome] {
            for result in [CallbackResult::Sent, CallbackResult::Retried, CallbackResult::Refused] {
                counters.callbacks.with_label_values(&[kind.label(), result.label()]);
            }
        }
        Ok(counters)
    }

    /// Counts a try to send a mail; `result` is `sent` or a code of the mail's errors.
    pub(crate) fn mail(&self, result: &'static str) {
        self.mails.with_label_values(&[result]).inc();
    }

    /// Counts a mail that was given up.
    pub(crate) fn unsent(&self, reason: &'static str) {
        self.unsent.with_label_values(&[reason]).inc();
    }

    /// Counts a try to tell the shop.
    pub(crate) fn callback(&self, kind: CallbackKind, result: CallbackResult) {
        self.callbacks.with_label_values(&[kind.label(), result.label()]).inc();
    }
}

impl CallbackKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Outcome => "outcome",
        }
    }
}

impl CallbackResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{Encoder as _, TextEncoder};

    #[test]
    fn every_try_is_counted_and_every_callback_is_shown_from_the_start() {
        let registry = Registry::new();
        let counters = TenancyCounters::register(&registry).expect("registered");
        counters.mail("sent");
        counters.mail("CONNECTION");
        counters.mail("CONNECTION");
        counters.unsent("NO_ADMINISTRATOR");
        counters.callback(CallbackKind::Status, CallbackResult::Refused);
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).expect("text");
        let text = String::from_utf8(text).expect("utf-8");
        for line in [
            "tenantry_mails_total{result=\"sent\"} 1",
            "tenantry_mails_total{result=\"CONNECTION\"} 2",
            "tenantry_mails_unsent_total{reason=\"NO_ADMINISTRATOR\"} 1",
            "tenantry_mails_unsent_total{reason=\"STEP_LEFT_OUT\"} 0",
            "tenantry_shop_callbacks_total{kind=\"status\",result=\"refused\"} 1",
            "tenantry_shop_callbacks_total{kind=\"outcome\",result=\"refused\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
