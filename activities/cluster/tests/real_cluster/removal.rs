//! What a removal says of an object that it cannot delete.

use crate::rig::{
    Real, acting_as, api, check, domain, gateways, object, put_source, real, remove, secrets, settings, step,
};
use cluster::ClusterActivities;
use kube::Client;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use proto::v1::{ApplyStepReply, DomainObjects, InventoryObject, ReadBackRequest};
use serde_json::{Value, json};

/// Every object of a domain, as a removal deletes them: kind, namespace and prefix of the name.
const OBJECTS: [(&str, &str, &str); 5] = [
    ("virtual_service", "msp", "portal-domain-vs-"),
    ("gateway", "istio-system", "portal-domain-gw-"),
    ("secret_copy", "istio-system", "portal-domain-"),
    ("certificate", "msp", "portal-domain-"),
    ("secret", "msp", "portal-domain-"),
];

/// Makes all five.
async fn register(real: &Real, objects: &DomainObjects) -> ReadBackRequest {
    check(&step(real, "apply_certificate", objects).await, "applied", "");
    put_source(&real.admin, &format!("portal-domain-{}", objects.portal_domain_id), &objects.host).await;
    for name in ["copy_secret", "apply_virtual_service", "apply_gateway"] {
        check(&step(real, name, objects).await, "applied", "");
    }
    let entry = |(kind, namespace, prefix): (&str, &str, &str)| InventoryObject {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: format!("{prefix}{}", objects.portal_domain_id),
        ..InventoryObject::default()
    };
    ReadBackRequest {
        objects: OBJECTS.map(entry).to_vec(),
        portal_domain_id: objects.portal_domain_id.clone(),
        former_ids: objects.former_ids.clone(),
    }
}

#[track_caller]
fn check_blocked(reply: &ApplyStepReply, holder: &str) {
    check(reply, "refused", "REMOVAL_BLOCKED");
    assert!(reply.vars["holder"].contains(holder), "{:?}", reply.vars);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_a_finalizer_holds_is_not_called_deleted() {
    let Some(real) = real("finalizer").await else { return };
    let objects = domain("finalizer", 1);
    let all = register(&real, &objects).await;
    let name = format!("portal-domain-gw-{}", objects.portal_domain_id);
    let gateways = gateways(&real.admin, "istio-system");
    let finalizers = async |names: Value| {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": names } }));
        gateways.patch(&name, &PatchParams::default(), &patch).await.unwrap();
    };
    finalizers(json!(["cluster.test/hold"])).await;
    for _ in 0..2 {
        let reply = step(&real, "delete_gateway", &objects).await;
        check(&reply, "deleting", "");
        assert_eq!(reply.vars["holder"], "finalizer cluster.test/hold");
    }
    let back = real.cluster.remaining(&all).await.unwrap();
    assert_eq!((back.remaining.len(), back.held_by[&name].as_str()), (5, "cluster.test/hold"));
    finalizers(Value::Null).await;
    check(&step(&real, "delete_gateway", &objects).await, "absent", "");
    remove(&real, &objects).await;
    assert_eq!(real.cluster.remaining(&all).await.unwrap().remaining, []);
}

/// The rights of the worker without any delete.
async fn reader(admin: &Client, user: &str) -> Client {
    let verbs = ["get", "list", "watch"];
    let make = async |namespace: &str, kind: &str, plural: &str, body: Value| {
        let mut body = body;
        body["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
        body["kind"] = json!(kind);
        body["metadata"] = json!({ "name": user });
        let all = api(admin, "rbac.authorization.k8s.io", kind, plural, namespace);
        all.create(&PostParams::default(), &object(body)).await.unwrap();
    };
    for namespace in ["msp", "istio-system"] {
        let groups = ["", "cert-manager.io", "acme.cert-manager.io", "networking.istio.io"];
        make(
            namespace,
            "Role",
            "roles",
            json!({ "rules": [{ "apiGroups": groups, "resources": ["*"], "verbs": verbs }] }),
        )
        .await;
        let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user });
        let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user });
        make(namespace, "RoleBinding", "rolebindings", json!({ "roleRef": role, "subjects": [subject] })).await;
    }
    acting_as("KUBECONFIG_ADMIN", user).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_every_delete_says_that_its_object_stands() {
    let Some(mut real) = real("no-right").await else { return };
    let objects = domain("no-right", 1);
    let all = register(&real, &objects).await;
    let client = reader(&real.admin, &format!("reader-{:x}", std::process::id())).await;
    // Its right to read arrives a moment after its roles.
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(50));
    for _ in 0..200 {
        beat.tick().await;
        if secrets(&client, "msp").get_opt("none").await.is_ok()
            && secrets(&client, "istio-system").get_opt("none").await.is_ok()
        {
            break;
        }
    }
    let worker = std::mem::replace(&mut real.cluster, ClusterActivities::new(settings(), client));
    for (kind, _, _) in OBJECTS {
        check_blocked(&step(&real, &format!("delete_{kind}"), &objects).await, "403 Forbidden");
    }
    real.cluster = worker;
    assert_eq!(real.cluster.remaining(&all).await.unwrap().remaining.len(), 5);
    remove(&real, &objects).await;
    assert_eq!(real.cluster.remaining(&all).await.unwrap().remaining, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_keeps_stands_and_is_named() {
    let Some(real) = real("admission-keeps").await else { return };
    let objects = domain("admission-keeps", 1);
    let all = register(&real, &objects).await;
    let name = format!("portal-domain-gw-{}", objects.portal_domain_id);
    let policy = format!("keep-{:x}", std::process::id());
    let group = "admissionregistration.k8s.io";
    let rule = json!({ "apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "operations": ["DELETE"], "resources": ["gateways"] });
    let keep = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": policy },
        "spec": { "failurePolicy": "Fail", "matchConstraints": { "resourceRules": [rule] }, "validations": [
            { "expression": format!("request.name != '{name}'"), "message": "kept by a test", "reason": "Forbidden" } ] },
    });
    let bind = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": policy },
        "spec": { "policyName": policy, "validationActions": ["Deny"] },
    });
    let policies = api(&real.admin, group, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "");
    let bindings = api(&real.admin, group, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", "");
    policies.create(&PostParams::default(), &object(keep)).await.unwrap();
    bindings.create(&PostParams::default(), &object(bind)).await.unwrap();
    // A policy is in force a moment after it is stored, and for a moment after it is gone.
    let until = async |allowed: bool| {
        let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
        let mut beat = tokio::time::interval(std::time::Duration::from_millis(100));
        for _ in 0..300 {
            beat.tick().await;
            if gateways(&real.worker, "istio-system").delete(&name, &dry).await.is_ok() == allowed {
                return;
            }
        }
        panic!("the policy did not become {allowed}");
    };
    until(false).await;
    check_blocked(&step(&real, "delete_gateway", &objects).await, "kept by a test");
    let left = real.cluster.remaining(&all).await.unwrap().remaining;
    assert!(left.iter().any(|o| o.name == name), "{left:?}");
    bindings.delete(&policy, &DeleteParams::default()).await.unwrap();
    policies.delete(&policy, &DeleteParams::default()).await.unwrap();
    until(true).await;
    remove(&real, &objects).await;
    assert_eq!(real.cluster.remaining(&all).await.unwrap().remaining, []);
}
