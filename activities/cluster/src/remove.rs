//! Deletes objects of a domain, and reads back whether they are gone.

use crate::activities::ClusterActivities;
use crate::api::{Deletion, text};
use crate::apply::refuse_object;
use crate::failure::ClusterError;
use crate::kind::Kind;
use crate::ownership::{self, Refusal, annotation_of};
use kube::api::ListParams;
use model::portal::names::{DomainIdentity, LABEL_DOMAIN_ID, label_value};
use proto::v1::{ApplyStepReply, InventoryObject, ReadBackReply, ReadBackRequest};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Annotation that cert-manager puts on the Secret and on the Orders of a Certificate.
const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";
/// Annotation that cert-manager puts on the Secret: the names of the certificate in it.
const ALTERNATIVE_NAMES: &str = "cert-manager.io/alt-names";

impl ClusterActivities {
    /// Deletes one object that the inventory lists and its labels confirm. Absent is fine; `deleting` says that finalizers
    /// hold it.
    pub(crate) async fn delete_object(
        &self,
        domain: &DomainIdentity,
        word: &str,
        entry: Option<&InventoryObject>,
    ) -> Result<ApplyStepReply, ClusterError> {
        let Some(kind) = Kind::of_inventory(word) else {
            return Err(ClusterError::Unsupported { step: format!("delete_{word}"), target: String::new() });
        };
        let (namespace, name) = self.place_of(domain, word, entry);
        if word == "secret_copy" && namespace == self.settings().edge.cert_namespace {
            // One namespace: there never was a copy, and this would be the certificate's own Secret.
            return Ok(outcome("absent"));
        }
        let Some(existing) = self.calls().read(kind, Some(&namespace), &name).await? else {
            return Ok(outcome("absent"));
        };
        let ours = json!({ "metadata": { "namespace": namespace, "name": name } });
        let admitted = match word {
            "secret" => admit_source_secret(&existing, domain, entry),
            _ => ownership::admit(&existing, domain),
        };
        if let Err(refusal) = admitted {
            return Ok(refuse_object(refusal, kind, &existing, &ours));
        }
        if word == "secret" && self.is_wanted_again(domain, &namespace, &name).await? {
            return Ok(refuse_object(Refusal::Fenced, kind, &existing, &ours));
        }
        // The uid that was read together with the labels: a namesake made meanwhile is not touched.
        let deletion = self.calls().delete(kind, &namespace, &name, text(&existing, "/metadata/uid")).await?;
        Ok(ApplyStepReply { object: Some(self.inventory(word, domain, &existing)), ..deleted(deletion) })
    }

    /// Whether a newer writer has the Certificate of this Secret, which has no fence of its own: a removal that comes late
    /// would cost the tenant that came back an order.
    async fn is_wanted_again(
        &self,
        domain: &DomainIdentity,
        namespace: &str,
        name: &str,
    ) -> Result<bool, ClusterError> {
        let certificate = self.calls().read(Kind::Certificate, Some(namespace), name).await?;
        Ok(certificate.is_some_and(|c| ownership::admit(&c, domain) == Err(Refusal::Fenced)))
    }

    /// Deletes the Orders of the domain's Certificate, also when the Certificate is gone already.
    pub(crate) async fn delete_orders(
        &self,
        domain: &DomainIdentity,
        entry: Option<&InventoryObject>,
    ) -> Result<ApplyStepReply, ClusterError> {
        let (namespace, certificate) = self.place_of(domain, "certificate", entry.filter(|e| e.kind == "certificate"));
        let existing = self.calls().read(Kind::Certificate, Some(&namespace), &certificate).await?;
        if let Some(existing) = existing
            && let Err(refusal) = ownership::admit(&existing, domain)
        {
            let ours = json!({ "metadata": { "namespace": namespace, "name": certificate } });
            return Ok(refuse_object(refusal, Kind::Certificate, &existing, &ours));
        }
        let mut reply = outcome("absent");
        for order in self.orders_of(&namespace, &certificate).await? {
            let (name, uid) = (text(&order, "/metadata/name"), text(&order, "/metadata/uid"));
            let one = deleted(self.calls().delete(Kind::Order, &namespace, name, uid).await?);
            if reply.outcome != "deleting" {
                reply = one;
            }
        }
        Ok(reply)
    }

    /// Orders have no label to select by, so the namespace is listed in pages; removal is rare.
    async fn orders_of(&self, namespace: &str, certificate: &str) -> Result<Vec<Value>, ClusterError> {
        if self.watches().issuance_ready(self.settings().sync_timeout).await {
            return Ok(self.watches().issuance(certificate, "").orders);
        }
        let all = self.calls().list(Kind::Order, Some(namespace), &ListParams::default()).await?;
        Ok(all.into_iter().filter(|o| annotation_of(o, CERTIFICATE_NAME) == certificate).collect())
    }

    /// Reads back whether the objects of an inventory are gone, and who holds those that are not.
    ///
    /// # Errors
    /// `CLUSTER_READ_UNKNOWN` when one of them could not be read: a removal is not verified by a failed look.
    pub async fn remaining(&self, request: &ReadBackRequest) -> Result<ReadBackReply, ClusterError> {
        let mut reply = ReadBackReply::default();
        let ids = std::iter::once(&request.portal_domain_id).chain(&request.former_ids);
        let labels: BTreeSet<String> = ids.map(|id| label_value(id, "domain")).collect();
        let certificates = || request.objects.iter().filter(|e| e.kind == "certificate");
        let names: BTreeSet<&str> = certificates().map(|e| e.name.as_str()).collect();
        let mut foreign = BTreeSet::new();
        for entry in &request.objects {
            let Some(kind) = Kind::of_inventory(&entry.kind) else { continue };
            let one_namespace = entry.kind == "secret_copy" && self.settings().one_namespace();
            let Some(existing) = self.calls().read(kind, Some(&entry.namespace), &entry.name).await? else { continue };
            // A namesake of somebody else is not ours to wait for. cert-manager's own Secret has no label of ours.
            let ours = match entry.kind.as_str() {
                "secret" => is_of_certificates(&existing, &names),
                _ => labels.contains(ownership::label_of(&existing, LABEL_DOMAIN_ID)),
            };
            if one_namespace || !ours {
                if entry.kind == "certificate" {
                    foreign.insert((entry.namespace.as_str(), entry.name.as_str()));
                }
                continue;
            }
            let finalizers = existing.pointer("/metadata/finalizers").and_then(Value::as_array);
            let finalizers: Vec<&str> = finalizers.into_iter().flatten().filter_map(Value::as_str).collect();
            if !finalizers.is_empty() {
                reply.held_by.insert(entry.name.clone(), finalizers.join(","));
            }
            reply.remaining.push(InventoryObject { uid: text(&existing, "/metadata/uid").to_owned(), ..entry.clone() });
        }
        for entry in certificates() {
            if foreign.contains(&(entry.namespace.as_str(), entry.name.as_str())) {
                continue;
            }
            for order in self.orders_of(&entry.namespace, &entry.name).await? {
                let name = text(&order, "/metadata/name");
                if let Some(live) = self.calls().read(Kind::Order, Some(&entry.namespace), name).await? {
                    reply.remaining.push(InventoryObject {
                        kind: "order".to_owned(),
                        name: name.to_owned(),
                        uid: text(&live, "/metadata/uid").to_owned(),
                        ..entry.clone()
                    });
                }
            }
        }
        Ok(reply)
    }

    /// Where an object lies: as the inventory says, else by the names and namespaces in force.
    fn place_of(&self, domain: &DomainIdentity, word: &str, entry: Option<&InventoryObject>) -> (String, String) {
        if let Some(entry) = entry.filter(|e| !e.name.is_empty() && !e.namespace.is_empty()) {
            return (entry.namespace.clone(), entry.name.clone());
        }
        let (settings, names) = (&self.settings().edge, domain.names());
        match word {
            "certificate" => (settings.cert_namespace.clone(), names.certificate),
            "secret" => (settings.cert_namespace.clone(), names.secret),
            "gateway" => (settings.gateway_namespace.clone(), names.gateway),
            "virtual_service" => (settings.vs_namespace.clone(), names.virtual_service),
            _ => (settings.gateway_namespace.clone(), names.secret),
        }
    }
}

/// The certificate's own Secret carries cert-manager's annotations and not our labels: it is ours by its name made from the
/// row's id, by the uid that the inventory recorded, or because it was issued for exactly our host.
fn admit_source_secret(
    existing: &Value,
    domain: &DomainIdentity,
    entry: Option<&InventoryObject>,
) -> Result<(), Refusal> {
    let names = domain.names();
    let (name, uid) = (text(existing, "/metadata/name"), text(existing, "/metadata/uid"));
    let certificate = annotation_of(existing, CERTIFICATE_NAME);
    let plausible = name.starts_with("portal-domain-")
        && (certificate.is_empty() || certificate == name || certificate == names.certificate);
    let ours = name == names.secret
        || entry.is_some_and(|e| !e.uid.is_empty() && e.uid == uid)
        || annotation_of(existing, ALTERNATIVE_NAMES) == domain.host;
    match plausible && ours {
        true => Ok(()),
        false => Err(Refusal::Foreign),
    }
}

/// Whether a Secret is that of one of these Certificates, as far as its annotation tells.
fn is_of_certificates(secret: &Value, certificates: &BTreeSet<&str>) -> bool {
    let certificate = annotation_of(secret, CERTIFICATE_NAME);
    certificate.is_empty() || certificate == text(secret, "/metadata/name") || certificates.contains(certificate)
}

fn deleted(deletion: Deletion) -> ApplyStepReply {
    match deletion {
        Deletion::Gone => outcome("deleted"),
        Deletion::Held { finalizers } => ApplyStepReply {
            vars: [("holder".to_owned(), format!("finalizer {finalizers}"))].into(),
            ..outcome("deleting")
        },
    }
}

fn outcome(word: &str) -> ApplyStepReply {
    ApplyStepReply { outcome: word.to_owned(), ..ApplyStepReply::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, certificate: &str, names: &str, uid: &str, expected: bool) {
        let domain = DomainIdentity {
            tenant_id: "t1".to_owned(),
            portal_domain_id: "d1".to_owned(),
            former_ids: Vec::new(),
            host: "portal.acme.test".to_owned(),
            generation: 1,
            fence: 1,
            probe_nonce: String::new(),
            slug: String::new(),
        };
        let annotations = json!({ CERTIFICATE_NAME: certificate, ALTERNATIVE_NAMES: names });
        let secret = json!({ "metadata": { "name": name, "uid": uid, "annotations": annotations } });
        let entry = InventoryObject { uid: "u1".to_owned(), ..InventoryObject::default() };
        assert_eq!(admit_source_secret(&secret, &domain, Some(&entry)).is_ok(), expected, "{secret}");
    }

    #[test]
    fn a_secret_of_another_certificate_is_not_waited_for() {
        for (certificate, waited) in [("", true), ("n", true), ("portal-domain-d1", true), ("the-website", false)] {
            let secret = json!({ "metadata": { "name": "n", "annotations": { CERTIFICATE_NAME: certificate } } });
            assert_eq!(is_of_certificates(&secret, &BTreeSet::from(["portal-domain-d1"])), waited, "{certificate:?}");
        }
    }

    #[test]
    fn a_secret_of_another_domain_is_never_deleted() {
        check("portal-domain-d1", "portal-domain-d1", "portal.acme.test", "u9", true);
        check("portal-domain-abc1234", "portal-domain-abc1234", "portal.acme.test", "u9", true);
        check("portal-domain-abc1234", "portal-domain-abc1234", "", "u1", true);
        check("portal-domain-d2", "portal-domain-d2", "other.test", "u9", false);
        check("portal-domain-d1", "the-website", "portal.acme.test", "u1", false);
        check("website-tls", "website-tls", "portal.acme.test", "u1", false);
    }
}
