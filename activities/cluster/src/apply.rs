//! Writes one object of a domain.

use crate::activities::ClusterActivities;
use crate::api::{Effect, text};
use crate::copy::Missing;
use crate::edge::credential;
use crate::failure::ClusterError;
use crate::kind::Kind;
use crate::ownership::{self, Refusal, annotation_of};
use contract::convert::identity_from_wire;
use model::portal::manifest;
use model::portal::names::{ANNOTATION_GENERATION, DomainIdentity};
use model::reason::ReasonCode;
use proto::v1::{ApplyStepReply, ApplyStepRequest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl ClusterActivities {
    /// Takes one step. Repeating it has no second effect.
    ///
    /// A refusal (`EDGE_CONFLICT_HOST`, `EDGE_REJECTED`, `EDGE_UNGUARDED`, `REMOVAL_BLOCKED`, `SECRET_NOT_MIRRORED`) is an
    /// answer, and so is a delete that a finalizer holds up (`deleting`).
    ///
    /// # Errors
    /// `CLUSTER_READ_UNKNOWN`, retryable: no answer, a change in between, or an incomplete index. `EDGE_REJECTED`, final: a
    /// step that this build does not know.
    pub async fn take_step(&self, request: &ApplyStepRequest) -> Result<ApplyStepReply, ClusterError> {
        let unsupported = || ClusterError::Unsupported { step: request.step.clone(), target: request.target.clone() };
        if !matches!(request.target.as_str(), "" | "istio") {
            return Err(unsupported());
        }
        let domain = identity_from_wire(request.objects.as_ref());
        // What is deleted is known by name and labels: a host that may not be served is no reason to keep its objects.
        if !request.step.starts_with("delete_") && !is_plain_host(&domain.host) {
            return Ok(refused(ReasonCode::EdgeRejected, [("detail", "the host is not a plain name".to_owned())]));
        }
        let answer = match request.step.as_str() {
            "apply_certificate" => self.apply_certificate(&domain).await,
            "copy_secret" => self.copy_secret(&domain, &request.fingerprint_sha256, Missing::Make).await,
            "refresh_copy" => self.copy_secret(&domain, &request.fingerprint_sha256, Missing::Leave).await,
            "apply_virtual_service" => self.apply_virtual_service(&domain).await,
            "apply_gateway" => self.apply_gateway(&domain).await,
            "delete_orders" => self.delete_orders(&domain, request.object.as_ref()).await,
            "delete_virtual_service" => self.delete_object(&domain, "virtual_service", request.object.as_ref()).await,
            "delete_gateway" => self.delete_object(&domain, "gateway", request.object.as_ref()).await,
            "delete_secret_copy" => self.delete_object(&domain, "secret_copy", request.object.as_ref()).await,
            "delete_certificate" => self.delete_object(&domain, "certificate", request.object.as_ref()).await,
            "delete_secret" => self.delete_object(&domain, "secret", request.object.as_ref()).await,
            _ => return Err(unsupported()),
        };
        match answer {
            Err(ClusterError::Refused { what, detail }) => {
                tracing::warn!(domain.id = %domain.portal_domain_id, step = %request.step, "the cluster refused to {what}: {detail}");
                Ok(match request.step.starts_with("delete_") {
                    // The object stands, and nothing of it was installed: another reason than a refused write.
                    true => {
                        refused(ReasonCode::RemovalBlocked, [("holder", format!("the refusal to {what} ({detail})"))])
                    }
                    false => refused(ReasonCode::EdgeRejected, [("detail", detail), ("what", what)]),
                })
            }
            other => other,
        }
    }

    async fn apply_certificate(&self, domain: &DomainIdentity) -> Result<ApplyStepReply, ClusterError> {
        let settings = &self.settings().edge;
        let existing =
            self.locate(Kind::Certificate, &settings.cert_namespace, domain, &domain.names().certificate).await?;
        let mut object = manifest::certificate(domain, settings);
        if let Some(existing) = existing.as_ref().filter(|e| keeps_spec(e, &object)) {
            // A changed spec re-issues at once, so what was adopted stays as it is.
            object["spec"] = existing["spec"].clone();
        }
        self.write(Kind::Certificate, "certificate", domain, existing, object).await
    }

    async fn apply_virtual_service(&self, domain: &DomainIdentity) -> Result<ApplyStepReply, ClusterError> {
        let settings = &self.settings().edge;
        let names = domain.names();
        if let Some(refusal) = self.edge_refuses(domain).await? {
            return Ok(refusal);
        }
        let gateway = self.locate(Kind::IstioGateway, &settings.gateway_namespace, domain, &names.gateway).await?;
        let gateway = gateway.as_ref().map_or(names.gateway.as_str(), |g| text(g, "/metadata/name"));
        let object = manifest::virtual_service(domain, settings, gateway);
        let existing =
            self.locate(Kind::VirtualService, &settings.vs_namespace, domain, &names.virtual_service).await?;
        self.write(Kind::VirtualService, "virtual_service", domain, existing, object).await
    }

    async fn apply_gateway(&self, domain: &DomainIdentity) -> Result<ApplyStepReply, ClusterError> {
        let settings = &self.settings().edge;
        let names = domain.names();
        if let Some(refusal) = self.edge_refuses(domain).await? {
            return Ok(refusal);
        }
        let existing = self.locate(Kind::IstioGateway, &settings.gateway_namespace, domain, &names.gateway).await?;
        let secret = match self.secret_name(domain).await? {
            Some(name) => name,
            None => existing.as_ref().and_then(credential).unwrap_or(&names.secret).to_owned(),
        };
        // A Gateway whose Secret is missing holds up every change of the listener for 15 s (measured).
        if self.calls().read(Kind::Secret, Some(&settings.gateway_namespace), &secret).await?.is_none() {
            return Ok(refused(ReasonCode::SecretNotMirrored, [("secret", secret)]));
        }
        let object = manifest::gateway(domain, settings, &secret);
        self.write(Kind::IstioGateway, "gateway", domain, existing, object).await
    }

    /// What stops every write to the edge: a foreign claim, or no webhook in front of it.
    async fn edge_refuses(&self, domain: &DomainIdentity) -> Result<Option<ApplyStepReply>, ClusterError> {
        if let Some(conflict) = self.claimed_elsewhere(domain).await? {
            let names = [("own", conflict.own.to_string()), ("other", conflict.other.to_string())];
            return Ok(Some(refused(ReasonCode::EdgeConflictHost, names)));
        }
        match self.is_guarded().await? {
            true => Ok(None),
            false => Ok(Some(refused(ReasonCode::EdgeUnguarded, []))),
        }
    }

    /// Applies an object over what exists: under its existing name, with its resource version as precondition.
    pub(crate) async fn write(
        &self,
        kind: Kind,
        word: &str,
        domain: &DomainIdentity,
        existing: Option<Value>,
        mut object: Value,
    ) -> Result<ApplyStepReply, ClusterError> {
        let mut before = String::new();
        if let Some(mut existing) = existing {
            if let Err(refusal) = ownership::admit(&existing, domain) {
                return Ok(refuse_object(refusal, kind, &existing, &object));
            }
            before = text(&existing, "/metadata/resourceVersion").to_owned();
            let (namespace, name) =
                (text(&existing, "/metadata/namespace").to_owned(), text(&existing, "/metadata/name").to_owned());
            if let Some(patch) = ownership::takeover(&existing) {
                existing = self.calls().merge(kind, &namespace, &name, &patch).await?;
            }
            object["metadata"]["name"] = json!(name);
            object["metadata"]["resourceVersion"] = json!(text(&existing, "/metadata/resourceVersion"));
        }
        if matches!(kind, Kind::IstioGateway | Kind::VirtualService) {
            // Through validation and the webhook first: an object that is stored bad freezes the edge for everybody.
            self.calls().apply(kind, &object, Effect::DryRun).await?;
        }
        let mut stored = self.calls().apply(kind, &object, Effect::Stored).await?;
        if let Some(patch) = ownership::drop_last_applied(&stored) {
            let (namespace, name) = (text(&object, "/metadata/namespace"), text(&object, "/metadata/name"));
            stored = self.calls().merge(kind, namespace, name, &patch).await?;
        }
        let unchanged = !before.is_empty() && text(&stored, "/metadata/resourceVersion") == before;
        Ok(ApplyStepReply {
            outcome: if unchanged { "unchanged" } else { "applied" }.to_owned(),
            object: Some(self.inventory(word, domain, &stored)),
            ..ApplyStepReply::default()
        })
    }
}

/// An existing Certificate keeps its spec when it is for the same host and the claim did not move on to another issuer.
fn keeps_spec(existing: &Value, rendered: &Value) -> bool {
    let same_host = existing["spec"]["dnsNames"] == rendered["spec"]["dnsNames"];
    let same_issuer = existing["spec"]["issuerRef"]["name"] == rendered["spec"]["issuerRef"]["name"];
    let generation = |o: &Value| annotation_of(o, ANNOTATION_GENERATION).parse::<u64>().ok();
    let moved_on = generation(existing).is_some_and(|g| Some(g) < generation(rendered));
    same_host && (same_issuer || !moved_on)
}

/// A refusal because of whose an object is; names both.
pub(crate) fn refuse_object(refusal: Refusal, kind: Kind, existing: &Value, ours: &Value) -> ApplyStepReply {
    let name = |o: &Value| format!("{} {}", kind.word(), crate::certificate::object_place(o));
    let vars = [("own", name(ours)), ("other", name(existing)), ("why", refusal.why().to_owned())];
    refused(ReasonCode::EdgeConflictHost, vars)
}

pub(crate) fn refused<const N: usize>(reason: ReasonCode, vars: [(&str, String); N]) -> ApplyStepReply {
    ApplyStepReply {
        outcome: "refused".to_owned(),
        reason: reason.as_str().to_owned(),
        vars: vars.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<BTreeMap<_, _>>(),
        ..ApplyStepReply::default()
    }
}

/// The claim's host was judged before; this is the last fence in front of a shared listener.
fn is_plain_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.contains('.')
        && host.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(host: &str, issuer: &str, generation: Option<u64>) -> Value {
        json!({
            "metadata": { "annotations": generation.map_or(json!({}), |g| json!({ ANNOTATION_GENERATION: g.to_string() })) },
            "spec": { "dnsNames": [host], "issuerRef": { "name": issuer } },
        })
    }

    #[track_caller]
    fn check(existing: Value, expected: bool) {
        assert_eq!(keeps_spec(&existing, &certificate("a.test", "le", Some(2))), expected, "{existing}");
    }

    #[test]
    fn an_adopted_certificate_is_not_issued_again() {
        check(certificate("a.test", "le", None), true);
        check(certificate("a.test", "older-issuer", None), true);
        check(certificate("a.test", "le", Some(1)), true);
        check(certificate("a.test", "older-issuer", Some(2)), true);
        check(certificate("a.test", "older-issuer", Some(1)), false);
        check(certificate("b.test", "le", Some(1)), false);
    }

    #[test]
    fn only_plain_hosts_reach_the_edge() {
        assert!(is_plain_host("portal.acme.test") && is_plain_host("xn--a.test"));
        for host in ["", "*", "*.acme.test", "ns/portal.acme.test", "Portal.acme.test", "localhost"] {
            assert!(!is_plain_host(host), "{host}");
        }
    }
}
