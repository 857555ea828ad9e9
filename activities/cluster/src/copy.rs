//! Copies the certificate's Secret to the gateway's namespace, and finds copies that are behind.

use crate::activities::ClusterActivities;
use crate::api::text;
use crate::apply::{refuse_object, refused};
use crate::failure::ClusterError;
use crate::fingerprint;
use crate::kind::Kind;
use crate::ownership::{self, annotation_of};
use futures::{StreamExt, stream};
use model::portal::names::{
    ANNOTATION_FENCE, ANNOTATION_LAST_APPLIED, ANNOTATION_ORIGIN_VERSION, DomainIdentity, LABEL_ORIGIN_NAME,
    LABEL_ORIGIN_NAMESPACE, label_value,
};
use model::reason::ReasonCode;
use proto::v1::{ApplyStepReply, SweepCopiesReply, SweepCopiesRequest, SweepDomain};
use serde_json::{Value, json};

/// Domains of one sweep that are compared at the same time.
const SWEEP_AT_ONCE: usize = 8;

/// What to do where there is no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Make one.
    Make,
    /// Leave it so: the host was left by a change of domain, and its removal may be under way. A copy that is deleted
    /// between the read and the write is not made again either, because the write names the version that was read.
    Leave,
}

impl ClusterActivities {
    /// Makes the copy equal to the source, which must have `fingerprint` (empty: any). The key stays in this function.
    pub(crate) async fn copy_secret(
        &self,
        domain: &DomainIdentity,
        fingerprint: &str,
        missing: Missing,
    ) -> Result<ApplyStepReply, ClusterError> {
        let settings = &self.settings().edge;
        let names = domain.names();
        let name = self.secret_name(domain).await?.unwrap_or(names.secret);
        let source = self.calls().read(Kind::Secret, Some(&settings.cert_namespace), &name).await?;
        let Some(source) = source.filter(fingerprint::is_complete) else {
            return Ok(refused(ReasonCode::SecretNotMirrored, [("secret", name)]));
        };
        let newest = fingerprint::of_secret(&source);
        if !fingerprint.is_empty() && newest != fingerprint {
            // Renewed since the caller looked; it looks again and asks for the newer one.
            let vars = [("secret", name), ("expected", fingerprint.to_owned()), ("found", newest)];
            return Ok(refused(ReasonCode::SecretNotMirrored, vars));
        }
        if self.settings().one_namespace() {
            let object = self.inventory("secret", domain, &source);
            let outcome = "unchanged".to_owned();
            return Ok(ApplyStepReply {
                outcome,
                object: Some(object),
                fingerprint_sha256: newest,
                ..ApplyStepReply::default()
            });
        }
        let existing = self.calls().read(Kind::Secret, Some(&settings.gateway_namespace), &name).await?;
        if existing.is_none() && missing == Missing::Leave {
            return Ok(ApplyStepReply { outcome: "absent".to_owned(), ..ApplyStepReply::default() });
        }
        let kind = existing.as_ref().map_or_else(|| text(&source, "/type"), |e| text(e, "/type"));
        let kind = if kind.is_empty() { "kubernetes.io/tls" } else { kind };
        let object = self.rendered_copy(domain, &source, &name, kind);
        if let Some(existing) = &existing {
            if let Err(refusal) = ownership::admit(existing, domain) {
                return Ok(refuse_object(refusal, Kind::Secret, existing, &object));
            }
            if is_current(existing, &object) {
                return Ok(ApplyStepReply {
                    outcome: "unchanged".to_owned(),
                    object: Some(self.inventory("secret_copy", domain, existing)),
                    fingerprint_sha256: newest,
                    ..ApplyStepReply::default()
                });
            }
        }
        let reply = self.write(Kind::Secret, "secret_copy", domain, existing, object).await?;
        Ok(ApplyStepReply { fingerprint_sha256: newest, ..reply })
    }

    fn rendered_copy(&self, domain: &DomainIdentity, source: &Value, name: &str, kind: &str) -> Value {
        let settings = &self.settings().edge;
        let mut labels = domain.labels();
        labels.insert(LABEL_ORIGIN_NAME.to_owned(), label_value(name, "secret"));
        labels.insert(LABEL_ORIGIN_NAMESPACE.to_owned(), label_value(&settings.cert_namespace, "namespace"));
        let mut annotations = domain.annotations();
        annotations.insert(ANNOTATION_ORIGIN_VERSION.to_owned(), text(source, "/metadata/resourceVersion").to_owned());
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": settings.gateway_namespace,
                "labels": labels,
                "annotations": annotations,
            },
            "type": kind,
            "data": { "tls.crt": source["data"]["tls.crt"], "tls.key": source["data"]["tls.key"] },
        })
    }

    /// Finds domains whose copy is gone or older than its source. A domain that could not be read is left out: could not
    /// tell is no reason to act, and the next sweep looks again.
    pub async fn stale_copies(&self, request: &SweepCopiesRequest) -> SweepCopiesReply {
        let looks = stream::iter(request.domains.clone()).map(|domain| async move {
            match self.is_behind(&domain).await {
                Ok(behind) => behind.then_some(domain.portal_domain_id),
                Err(error) => {
                    let id = &domain.portal_domain_id;
                    tracing::warn!(domain.id = %id, error = %error, "could not compare the copy of a Secret");
                    None
                }
            }
        });
        let found: Vec<Option<String>> = looks.buffered(SWEEP_AT_ONCE).collect().await;
        SweepCopiesReply { portal_domain_ids: found.into_iter().flatten().collect() }
    }

    async fn is_behind(&self, domain: &SweepDomain) -> Result<bool, ClusterError> {
        if domain.secret_name.is_empty() {
            return Ok(false);
        }
        let settings = &self.settings().edge;
        let read = |namespace| self.calls().read(Kind::Secret, Some(namespace), &domain.secret_name);
        let Some(source) = read(settings.cert_namespace.as_str()).await? else { return Ok(false) };
        let newest = fingerprint::of_secret(&source);
        if newest.is_empty() {
            return Ok(false);
        }
        if self.settings().one_namespace() {
            return Ok(newest != domain.fingerprint_sha256);
        }
        let copy = read(settings.gateway_namespace.as_str()).await?;
        Ok(copy.is_none_or(|c| fingerprint::of_secret(&c) != newest))
    }
}

/// Whether an existing copy already is what would be written. The origin's version is left out: it also moves when only
/// labels of the source change.
fn is_current(existing: &Value, rendered: &Value) -> bool {
    let labels = rendered["metadata"]["labels"].as_object();
    existing["data"] == rendered["data"]
        && labels.is_some_and(|l| l.iter().all(|(k, v)| existing["metadata"]["labels"].get(k) == Some(v)))
        && annotation_of(existing, ANNOTATION_FENCE) == annotation_of(rendered, ANNOTATION_FENCE)
        && annotation_of(existing, ANNOTATION_LAST_APPLIED).is_empty()
}
