//! What becomes of licences on their way, for Prometheus. Labels are closed sets; no tenant, no address.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// Counts of one process.
#[derive(Debug, Clone)]
pub struct LicensingCounters {
    mails: IntCounterVec,
    check_ins: IntCounterVec,
    plaintext: IntCounter,
}

/// Outcomes of a check-in, as the contract words them.
const OUTCOMES: [&str; 6] = ["not_self_host", "not_connected", "refreshed", "unchanged", "revoked", "error"];

impl LicensingCounters {
    /// Makes the counters and registers them.
    ///
    /// # Errors
    /// A name was registered twice.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = Self::new()?;
        registry.register(Box::new(counters.mails.clone()))?;
        registry.register(Box::new(counters.check_ins.clone()))?;
        registry.register(Box::new(counters.plaintext.clone()))?;
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
            "tenantry_install_mails_total",
            "Tries to send a mail with an install code, by result: sent, or the code of the error. Act when another code than \
             sent grows: docs/runbook-licences.md.",
        );
        let check_ins = Opts::new(
            "tenantry_license_check_ins_total",
            "Check-ins of this appliance, by outcome. Act when error grows, or refreshed stays away for days.",
        );
        let plaintext = Opts::new(
            "tenantry_license_plaintext_inputs_total",
            "Codes and licences that came in a payload without the mark of the codec. Act before REQUIRE_ENCRYPTED_PAYLOADS \
             is set: their senders will be refused.",
        );
        let counters = Self {
            mails: IntCounterVec::new(mails, &["result"])?,
            check_ins: IntCounterVec::new(check_ins, &["outcome"])?,
            plaintext: IntCounter::with_opts(plaintext)?,
        };
        // Written before the first event, so that an alarm on a rate sees the first one.
        counters.mails.with_label_values(&["sent"]);
        for outcome in OUTCOMES {
            counters.check_ins.with_label_values(&[outcome]);
        }
        Ok(counters)
    }

    pub(crate) fn mail(&self, result: &'static str) {
        self.mails.with_label_values(&[result]).inc();
    }

    pub(crate) fn check_in(&self, outcome: &'static str) {
        self.check_ins.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn plaintext(&self) {
        self.plaintext.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{Encoder as _, TextEncoder};

    #[test]
    fn every_outcome_is_shown_from_the_start() {
        let registry = Registry::new();
        let counters = LicensingCounters::register(&registry).expect("registered");
        counters.mail("sent");
        counters.check_in("error");
        counters.plaintext();
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).expect("text");
        let text = String::from_utf8(text).expect("utf-8");
        for line in [
            "tenantry_install_mails_total{result=\"sent\"} 1",
            "tenantry_license_check_ins_total{outcome=\"error\"} 1",
            "tenantry_license_check_ins_total{outcome=\"refreshed\"} 0",
            "tenantry_license_plaintext_inputs_total 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
