//! Whose an object is, which writer may touch it, and how it is taken over from the earlier client. Pure.

use crate::api::text;
use crate::kind::Kind;
use model::portal::edge::normalise_host;
use model::portal::names::{
    ANNOTATION_FENCE, ANNOTATION_HOST, ANNOTATION_LAST_APPLIED, DomainIdentity, FIELD_MANAGER, LABEL_DOMAIN_ID,
    LABEL_TENANT,
};
use serde_json::{Map, Value, json};

/// Why an object may not be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its labels name another domain or tenant, or nobody.
    Foreign,
    /// A writer with a newer fence has it.
    Fenced,
}

impl Refusal {
    /// For operators.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Self::Foreign => "it belongs to another domain",
            Self::Fenced => "a writer with a newer fence has it",
        }
    }
}

/// Whether `domain` may write or delete `existing`. Fence and resource version are read together, so a write with that
/// version as precondition cannot pass a newer fence.
pub(crate) fn admit(existing: &Value, domain: &DomainIdentity) -> Result<(), Refusal> {
    if !domain.owns(label_of(existing, LABEL_DOMAIN_ID), label_of(existing, LABEL_TENANT)) {
        return Err(Refusal::Foreign);
    }
    match annotation_of(existing, ANNOTATION_FENCE).parse::<u64>() {
        Ok(fence) if fence > domain.fence => Err(Refusal::Fenced),
        // Objects of the earlier worker have no fence.
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(crate) fn label_of<'a>(object: &'a Value, label: &str) -> &'a str {
    object.pointer("/metadata/labels").and_then(|l| l.get(label)).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn annotation_of<'a>(object: &'a Value, name: &str) -> &'a str {
    object.pointer("/metadata/annotations").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an object stands for this host: by its spec, else by its annotation.
pub(crate) fn stands_for(kind: Kind, object: &Value, host: &str) -> bool {
    let hosts = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().filter_map(Value::as_str).any(|h| normalise_host(h) == host))
    };
    match kind {
        Kind::Certificate => hosts("/spec/dnsNames"),
        Kind::VirtualService => hosts("/spec/hosts"),
        Kind::IstioGateway => object
            .pointer("/spec/servers")
            .and_then(Value::as_array)
            .is_some_and(|servers| (0..servers.len()).any(|i| hosts(&format!("/spec/servers/{i}/hosts")))),
        Kind::Secret
        | Kind::Request
        | Kind::Order
        | Kind::Challenge
        | Kind::Event
        | Kind::ClusterIssuer
        | Kind::Issuer
        | Kind::Webhook
        | Kind::ApiGateway
        | Kind::HttpRoute
        | Kind::ListenerSet => annotation_of(object, ANNOTATION_HOST) == host,
    }
}

/// The patch that makes us the owner of every field that a client-side apply set, so that the next server-side apply drops
/// what it does not name, the last-applied annotation included. `None` when no such manager is left.
///
/// The same conversion as client-go's `csaupgrade`: the manager's entry becomes one of ours with operation `Apply`.
pub(crate) fn takeover(existing: &Value) -> Option<Value> {
    let entries = existing.pointer("/metadata/managedFields").and_then(Value::as_array)?;
    let client_side = |e: &&Value| {
        text(e, "/operation") == "Update"
            && text(e, "/subresource").is_empty()
            && text(e, "/manager").starts_with("kubectl")
    };
    let ours = |e: &&Value| text(e, "/operation") == "Apply" && text(e, "/manager") == FIELD_MANAGER;
    if !entries.iter().any(|e| client_side(&e)) {
        return None;
    }
    let mut fields = Map::new();
    let mut version = "";
    for entry in entries.iter().filter(|e| client_side(e) || ours(e)) {
        if let Some(set) = entry.get("fieldsV1").and_then(Value::as_object) {
            union(&mut fields, set);
        }
        version = text(entry, "/apiVersion");
    }
    let rest = entries.iter().filter(|e| !client_side(e) && !ours(e)).cloned();
    let mine = json!({
        "manager": FIELD_MANAGER,
        "operation": "Apply",
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    Some(json!({
        "metadata": {
            "resourceVersion": text(existing, "/metadata/resourceVersion"),
            "managedFields": rest.chain([mine]).collect::<Vec<_>>(),
        },
    }))
}

/// The patch that drops the last-applied annotation, when it survived: on a Secret it contains the key.
pub(crate) fn drop_last_applied(object: &Value) -> Option<Value> {
    let present = object.pointer("/metadata/annotations").is_some_and(|a| a.get(ANNOTATION_LAST_APPLIED).is_some());
    present.then(|| {
        json!({
            "metadata": {
                "resourceVersion": text(object, "/metadata/resourceVersion"),
                "annotations": { ANNOTATION_LAST_APPLIED: null },
            },
        })
    })
}

fn union(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => union(inner, more),
            (Some(_), _) => {}
            (None, _) => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> DomainIdentity {
        DomainIdentity {
            tenant_id: "t1".to_owned(),
            portal_domain_id: "d1".to_owned(),
            former_ids: vec!["d0".to_owned()],
            host: "portal.acme.test".to_owned(),
            generation: 1,
            fence: 5,
            probe_nonce: String::new(),
            slug: String::new(),
        }
    }

    fn object(domain: &str, tenant: &str, fence: Option<u64>) -> Value {
        json!({ "metadata": {
            "labels": { LABEL_DOMAIN_ID: domain, LABEL_TENANT: tenant },
            "annotations": fence.map_or(json!({}), |f| json!({ ANNOTATION_FENCE: f.to_string() })),
        }})
    }

    #[track_caller]
    fn check(existing: Value, expected: Result<(), Refusal>) {
        assert_eq!(admit(&existing, &domain()), expected, "{existing}");
    }

    #[test]
    fn only_our_own_objects_with_no_newer_fence_are_touched() {
        check(object("d1", "t1", None), Ok(()));
        check(object("d1", "t1", Some(5)), Ok(()));
        check(object("d1", "t1", Some(6)), Err(Refusal::Fenced));
        check(object("d0", "t1", Some(4)), Ok(()));
        check(object("d0", "t2", Some(4)), Err(Refusal::Foreign));
        check(object("d2", "t1", None), Err(Refusal::Foreign));
        check(object("d1", "t2", Some(1)), Err(Refusal::Foreign));
        check(json!({ "metadata": {} }), Err(Refusal::Foreign));
    }

    #[test]
    fn a_client_side_manager_hands_its_fields_over() {
        let existing = json!({ "metadata": { "resourceVersion": "9", "managedFields": [
            { "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1beta1",
              "fieldsV1": { "f:spec": { "f:old": {} } } },
            { "manager": "tenantry", "operation": "Apply", "apiVersion": "v1", "fieldsV1": { "f:spec": { "f:new": {} } } },
            { "manager": "cert-manager", "operation": "Update", "subresource": "status", "fieldsV1": {} },
        ]}});
        let patch = takeover(&existing).unwrap();
        assert_eq!(patch["metadata"]["resourceVersion"], "9");
        let fields = patch["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[1]["manager"], "tenantry");
        assert_eq!(fields[1]["fieldsV1"], json!({ "f:spec": { "f:old": {}, "f:new": {} } }));
        assert_eq!(takeover(&json!({ "metadata": { "managedFields": [fields[1]] } })), None);
    }

    #[test]
    fn an_object_stands_for_the_host_of_its_spec() {
        let gateway = json!({ "spec": { "servers": [{ "hosts": ["x.test"] }, { "hosts": ["n/Portal.acme.test"] }] } });
        assert!(stands_for(Kind::IstioGateway, &gateway, "portal.acme.test"));
        assert!(!stands_for(Kind::Certificate, &json!({ "spec": { "dnsNames": ["old.test"] } }), "portal.acme.test"));
    }
}
