//! Looks at the certificate of one domain.

use crate::activities::ClusterActivities;
use crate::api::{place, text};
use crate::failure::ClusterError;
use crate::fingerprint;
use crate::kind::Kind;
use crate::ownership::{Refusal, admit, stands_for};
use contract::convert::{finding_to_wire, identity_from_wire};
use futures::StreamExt;
use kube::api::ListParams;
use kube::runtime::watcher::watch_object;
use model::finding::{Evidence, Finding};
use model::portal::axis::CertificateState;
use model::portal::certificate::{CertificateFacts, CertificateObjects, classify, retry_at_ms};
use model::portal::names::DomainIdentity;
use model::reason::ReasonCode;
use proto::v1::{CertificateLook, InventoryObject, ReadCertificateRequest};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Pauses between looks of an await when no watch tells of a change (domain-health contract, section 8).
const POLL_FIRST: Duration = Duration::from_secs(2);
const POLL_MAX: Duration = Duration::from_secs(30);
/// Wait before another look at an order that failed without a cause, and how many: longer than the pause of a watch that
/// begins anew.
const SETTLE: Duration = Duration::from_secs(1);
const SETTLES: u32 = 6;

impl ClusterActivities {
    /// Classifies the certificate of a domain. Never fails: what could not be read is `unknown` with `CLUSTER_READ_UNKNOWN`.
    pub async fn look_at_certificate(&self, request: &ReadCertificateRequest) -> CertificateLook {
        let domain = identity_from_wire(request.objects.as_ref());
        match self.certificate_look(&domain, request.now_ms, request.ordered_ms).await {
            Ok(look) => look,
            Err(error) => {
                tracing::warn!(domain.id = %domain.portal_domain_id, error = %error, "could not look at the certificate");
                let finding = Finding::<CertificateState>::unknown(ReasonCode::ClusterReadUnknown).evidence(Evidence {
                    server: "kubernetes".to_owned(),
                    question: "certificate".to_owned(),
                    answer: error.to_string(),
                    at_ms: request.now_ms,
                });
                CertificateLook { finding: Some(finding_to_wire(&finding)), ..CertificateLook::default() }
            }
        }
    }

    /// Looks until the answer differs from what the caller has seen, at most [`Settings::await_max`](crate::Settings).
    /// Deadlines inside the classification move on with the time that passes here.
    pub async fn await_certificate_change(&self, request: &ReadCertificateRequest) -> CertificateLook {
        let domain = identity_from_wire(request.objects.as_ref());
        let start = Instant::now();
        let end = start + self.settings().await_max;
        let names = domain.names();
        let api = self.calls().api(Kind::Certificate, Some(&self.settings().edge.cert_namespace));
        let mut changes = self.watches().changes();
        let mut object = watch_object(api, &names.certificate).boxed();
        let mut pause = POLL_FIRST;
        let mut settled = 0;
        loop {
            let passed = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
            let now = ReadCertificateRequest { now_ms: request.now_ms.saturating_add(passed), ..request.clone() };
            let look = self.look_at_certificate(&now).await;
            if settled < SETTLES && fails_without_a_cause(&look) {
                // The cause stands on an Order or a Challenge, whose watch may be a moment behind the Certificate.
                settled += 1;
                tokio::time::sleep(SETTLE).await;
                continue;
            }
            if differs(&look, request) || Instant::now() >= end {
                return look;
            }
            let known = self.watches().versions(&names.certificate, &domain.host);
            let poll = tokio::time::sleep_until((Instant::now() + pause).min(end));
            tokio::pin!(poll);
            loop {
                tokio::select! {
                    () = &mut poll => {
                        pause = (pause * 2).min(POLL_MAX);
                        break;
                    }
                    event = object.next() => match event {
                        Some(Ok(_)) => break,
                        // The poll goes on; the stream pauses here rather than spinning on an error.
                        Some(Err(_)) | None => tokio::time::sleep(Duration::from_millis(500)).await,
                    },
                    Ok(()) = changes.changed() => {
                        if self.watches().versions(&names.certificate, &domain.host) != known {
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn certificate_look(
        &self,
        domain: &DomainIdentity,
        now_ms: i64,
        ordered_ms: i64,
    ) -> Result<CertificateLook, ClusterError> {
        let namespace = self.settings().edge.cert_namespace.clone();
        let found = self.locate(Kind::Certificate, &namespace, domain, &domain.names().certificate).await?;
        // One that is somebody else's, or for the host before a change of domain, is none: an apply refuses or replaces it.
        let ours =
            |c: &Value| admit(c, domain) != Err(Refusal::Foreign) && stands_for(Kind::Certificate, c, &domain.host);
        let Some(certificate) = found.filter(ours) else {
            let finding = Finding::good(CertificateState::None);
            return Ok(CertificateLook { finding: Some(finding_to_wire(&finding)), ..CertificateLook::default() });
        };
        let facts = self.facts(&certificate, &namespace).await?;
        let secret_name = text(&certificate, "/spec/secretName").to_owned();
        let secret = self.calls().read(Kind::Secret, Some(&namespace), &secret_name).await?;
        let fingerprint = secret.as_ref().map(fingerprint::of_secret).unwrap_or_default();
        let finding = classify(&facts, now_ms, ordered_ms);
        let mut objects = vec![self.inventory("certificate", domain, &certificate)];
        objects.extend(secret.as_ref().map(|s| self.inventory("secret", domain, s)));
        let fact = facts.certificate.clone().unwrap_or_default();
        Ok(CertificateLook {
            finding: Some(finding_to_wire(&finding)),
            exists: true,
            secret_name,
            fingerprint_sha256: fingerprint,
            not_before_ms: fact.not_before_ms,
            not_after_ms: fact.not_after_ms,
            retry_at_ms: retry_at_ms(&facts),
            failed_attempts: fact.failed_attempts,
            last_failure_ms: fact.last_failure_ms,
            objects,
        })
    }

    async fn facts(&self, certificate: &Value, namespace: &str) -> Result<CertificateFacts, ClusterError> {
        // A certificate that is issued and quiet needs none of the rest.
        let quiet = is_quiet(certificate);
        if !quiet && !self.watches().issuance_ready(self.settings().sync_timeout).await {
            return Err(ClusterError::NotSynced);
        }
        let name = text(certificate, "/metadata/name");
        let issuance = match quiet {
            true => crate::watches::Issuance::default(),
            false => self.watches().issuance(name, text(certificate, "/spec/dnsNames/0")),
        };
        let issuer = match quiet {
            true => None,
            false => self.issuer_status(certificate, namespace).await?,
        };
        let objects = |events| CertificateObjects {
            certificate: Some(certificate),
            requests: &issuance.requests,
            orders: &issuance.orders,
            challenges: &issuance.challenges,
            issuer_status: issuer.as_ref(),
            events,
        };
        let facts = CertificateFacts::from_objects(objects(&[]));
        // Only an event says that no solver fits, and only while the Order waits without a Challenge.
        let Some(order) =
            facts.orders.first().filter(|o| o.state == "pending" && o.authorized && facts.challenges.is_empty())
        else {
            return Ok(facts);
        };
        let fields = format!("involvedObject.kind=Order,involvedObject.name={}", order.name);
        let params = ListParams::default().fields(&fields).limit(50);
        let events = self.calls().list(Kind::Event, Some(namespace), &params).await?;
        Ok(CertificateFacts::from_objects(objects(&events)))
    }

    /// `status` of the issuer, null when it does not exist, `None` when it is of a kind or group that is not ours to read.
    async fn issuer_status(&self, certificate: &Value, namespace: &str) -> Result<Option<Value>, ClusterError> {
        let name = text(certificate, "/spec/issuerRef/name");
        let (kind, place) =
            match (text(certificate, "/spec/issuerRef/group"), text(certificate, "/spec/issuerRef/kind")) {
                ("cert-manager.io" | "", "ClusterIssuer") => (Kind::ClusterIssuer, None),
                ("cert-manager.io" | "", "Issuer" | "") => (Kind::Issuer, Some(namespace)),
                _ => return Ok(None),
            };
        match self.calls().read(kind, place, name).await {
            Ok(found) => Ok(Some(found.and_then(|o| o.get("status").cloned()).unwrap_or(Value::Null))),
            // The role reads ClusterIssuers only; without the right, the other signs decide.
            Err(ClusterError::Refused { .. }) if kind == Kind::Issuer => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds an object of a domain: by name, else by the label of the row for the same host.
    ///
    /// An object under our name is returned whoever owns it, so that the caller can refuse.
    pub(crate) async fn locate(
        &self,
        kind: Kind,
        namespace: &str,
        domain: &DomainIdentity,
        name: &str,
    ) -> Result<Option<Value>, ClusterError> {
        if let Some(found) = self.calls().read(kind, Some(namespace), name).await? {
            return Ok(Some(found));
        }
        let labels = domain.labels();
        let label = |l: &str| labels.get(l).map_or("", String::as_str);
        let selector = [model::portal::names::LABEL_DOMAIN_ID, model::portal::names::LABEL_TENANT];
        let selector = selector.map(|l| format!("{l}={}", label(l))).join(",");
        let params = ListParams::default().labels(&selector).limit(20);
        let found = self.calls().list(kind, Some(namespace), &params).await?;
        Ok(found.into_iter().find(|o| stands_for(kind, o, &domain.host)))
    }

    /// Name of the Secret that the domain's own Certificate fills; `None` without such a Certificate.
    pub(crate) async fn secret_name(&self, domain: &DomainIdentity) -> Result<Option<String>, ClusterError> {
        let namespace = &self.settings().edge.cert_namespace;
        let found = self.locate(Kind::Certificate, namespace, domain, &domain.names().certificate).await?;
        let ours = found.filter(|c| admit(c, domain) != Err(Refusal::Foreign));
        Ok(ours.map(|c| text(&c, "/spec/secretName").to_owned()).filter(|name| !name.is_empty()))
    }

    pub(crate) fn inventory(&self, kind: &str, domain: &DomainIdentity, object: &Value) -> InventoryObject {
        InventoryObject {
            generation: domain.generation,
            kind: kind.to_owned(),
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
            uid: text(object, "/metadata/uid").to_owned(),
            host: domain.host.clone(),
        }
    }
}

/// Ready, for the current generation, with no issuance under way and none failed.
fn is_quiet(certificate: &Value) -> bool {
    let facts = CertificateFacts::from_objects(CertificateObjects {
        certificate: Some(certificate),
        ..CertificateObjects::default()
    });
    facts.certificate.is_some_and(|c| {
        !c.outdated
            && c.failed_attempts == 0
            && c.ready.is_some_and(|r| r.is_true())
            && c.issuing.is_none_or(|i| !i.is_true())
    })
}

/// The order failed for a cause that no object names yet, or that has no code of its own.
fn fails_without_a_cause(look: &CertificateLook) -> bool {
    look.finding.as_ref().is_some_and(|finding| finding.reason == ReasonCode::AcmeOrderInvalid.as_str())
}

fn differs(look: &CertificateLook, seen: &ReadCertificateRequest) -> bool {
    let (state, reason) = look.finding.as_ref().map_or(("", ""), |f| (f.state.as_str(), f.reason.as_str()));
    state != seen.seen_state || reason != seen.seen_reason || look.fingerprint_sha256 != seen.seen_fingerprint_sha256
}

/// For reports.
pub(crate) fn object_place(object: &Value) -> String {
    place(Some(text(object, "/metadata/namespace")), text(object, "/metadata/name"))
}
