//! The activity of the contract, as a method that also the command line calls.
#![expect(missing_docs, reason = "the macro of the SDK generates undocumented associated constants")]

use crate::addresses::ResolveError;
use crate::look::observe;
use crate::settings::Settings;
use crate::zones::Walk;
use contract::convert::finding_to_wire;
use futures::FutureExt;
use model::portal::dns::{HostVerdict, Wanted, verdict};
use model::portal::network::plain;
use proto::v1::{HostLook, LookUpHostRequest};
use std::net::IpAddr;
use std::sync::Arc;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;
use tracing::Instrument;

/// Asks DNS. Cheap to share; keeps no answers between looks, so that a change is seen at once.
pub struct DnsActivities {
    settings: Settings,
}

impl DnsActivities {
    /// A client with these settings. Opens no socket.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Looks at a host and judges it. Never fails: what could not be told is a finding with the state `unknown`.
    ///
    /// Takes at most the settings' `overall` time and `max_queries` questions.
    pub async fn look_up(&self, request: &LookUpHostRequest) -> HostLook {
        let host = plain(&request.host);
        let span = tracing::debug_span!(
            "look_up_host",
            host,
            state = tracing::field::Empty,
            reason = tracing::field::Empty,
            ownership = tracing::field::Empty,
            queries = tracing::field::Empty,
        );
        let wanted = Wanted {
            accepted_targets: request.accepted_targets.iter().map(|target| plain(target)).collect(),
            own_target: plain(&request.own_target),
            proof_name: plain(&request.proof_name),
            proof_value: request.proof_value.clone(),
            contended: request.contended,
            network: self.settings.network.clone(),
        };
        async {
            let walk = Walk::new(&self.settings);
            let seen = observe(&walk, &host, &wanted, request.now_ms).boxed().await;
            let look = to_wire(verdict(&seen, &wanted));
            let span = tracing::Span::current();
            if let (Some(dns), Some(ownership)) = (&look.dns, &look.ownership) {
                span.record("state", &dns.state).record("reason", &dns.reason).record("ownership", &ownership.state);
            }
            span.record("queries", walk.budget.asked());
            tracing::debug!("looked at the host");
            look
        }
        .instrument(span)
        .await
    }

    /// Resolves a host from its authorities, with aliases followed: every address, v4 and v6; none when there is none.
    ///
    /// # Errors
    /// [`ResolveError`] when the lookup did not come to an end: it says nothing about the host.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let walk = Walk::new(&self.settings);
        let found = walk.addresses_of(&plain(host), 0).boxed().await?;
        Ok(found.into_iter().collect())
    }
}

#[activities]
impl DnsActivities {
    /// Asks every authoritative address of the host's zone, and of each zone of its alias chain.
    #[activity(definition = contract::activities::LookUpHost)]
    pub async fn look_up_host(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: LookUpHostRequest,
    ) -> Result<HostLook, ActivityError> {
        Ok(self.look_up(&input).await)
    }
}

fn to_wire(verdict: HostVerdict) -> HostLook {
    HostLook {
        ownership: Some(finding_to_wire(&verdict.ownership)),
        dns: Some(finding_to_wire(&verdict.dns)),
        proof_method: verdict.proof_method.to_owned(),
        chain: verdict.chain,
        addresses: verdict.addresses,
        observed_cname: verdict.observed,
        evidence_digest: verdict.evidence_digest,
    }
}
