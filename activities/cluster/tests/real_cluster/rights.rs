//! What the worker's identity may do, and what it must not: deployment contract, section 6.

use crate::rig::{acting_as, api, object, real, secrets};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// Verbs of the role, allowed and denied: deployment contract, section 6.
#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_the_contract_and_no_more() {
    let Some(real) = real("rights").await else { return };
    let all = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    let table: [(&str, &str, &str, &str, &[&str]); 26] = [
        ("cert-manager.io", "certificates", "", "msp", &["get", "list", "watch", "create", "patch", "delete"]),
        ("cert-manager.io", "certificates", "status", "msp", &["patch"]),
        ("cert-manager.io", "certificaterequests", "", "msp", &["get", "list", "watch"]),
        ("acme.cert-manager.io", "orders", "", "msp", &["get", "list", "watch", "delete"]),
        ("acme.cert-manager.io", "challenges", "", "msp", &["get", "list", "watch"]),
        ("networking.istio.io", "virtualservices", "", "msp", &["get", "list", "watch", "create", "patch", "delete"]),
        ("networking.istio.io", "gateways", "", "istio-system", &["get", "list", "watch", "create", "patch", "delete"]),
        ("networking.istio.io", "gateways", "", "msp", &["get", "list", "watch"]),
        ("networking.istio.io", "virtualservices", "", "istio-system", &["get", "list", "watch"]),
        ("networking.istio.io", "gateways", "", "default", &["get", "list", "watch"]),
        ("networking.istio.io", "virtualservices", "", "default", &["get", "list", "watch"]),
        ("networking.istio.io", "envoyfilters", "", "istio-system", &[]),
        ("", "secrets", "", "msp", &["get", "delete"]),
        ("", "secrets", "", "istio-system", &["get", "create", "patch", "delete"]),
        ("", "secrets", "", "default", &[]),
        ("", "secrets", "", "kube-system", &[]),
        ("", "services", "", "msp", &["get"]),
        ("", "events", "", "msp", &["list"]),
        ("", "pods", "", "msp", &[]),
        ("", "configmaps", "", "msp", &[]),
        ("cert-manager.io", "clusterissuers", "", "", &["get"]),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "", "", &["get", "list"]),
        ("gateway.networking.k8s.io", "gateways", "", "default", &["get", "list", "watch"]),
        ("gateway.networking.k8s.io", "httproutes", "", "default", &["get", "list", "watch"]),
        ("gateway.networking.k8s.io", "listenersets", "", "default", &["get", "list", "watch"]),
        ("rbac.authorization.k8s.io", "clusterrolebindings", "", "", &[]),
    ];
    let reviews: Api<SelfSubjectAccessReview> = Api::all(real.worker.clone());
    let mut wrong = Vec::new();
    for (group, resource, subresource, namespace, allowed) in table {
        for verb in all {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(ResourceAttributes {
                        group: some(group),
                        resource: some(resource),
                        subresource: some(subresource),
                        namespace: some(namespace),
                        verb: some(verb),
                        ..ResourceAttributes::default()
                    }),
                    ..SelfSubjectAccessReviewSpec::default()
                },
                ..SelfSubjectAccessReview::default()
            };
            let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
            let granted = answer.status.is_some_and(|s| s.allowed);
            if granted != allowed.contains(&verb) {
                wrong.push(format!("{verb} {group}/{resource}/{subresource} in {namespace:?}: {granted}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_certificate_secrets_under_our_prefix_can_be_written() {
    let Some(real) = real("admission").await else { return };
    let secret = |name: &str, kind: &str| {
        let annotations = json!({ "kubernetes.io/service-account.name": "default" });
        object(json!({ "apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": { "name": name, "annotations": annotations }, "data": {} }))
    };
    let api = secrets(&real.worker, "istio-system");
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    for (name, kind) in [("istio-ca-secret-2", "Opaque"), ("portal-domain-x", "kubernetes.io/service-account-token")] {
        let error = api.create(&dry, &secret(name, kind)).await.unwrap_err();
        assert!(matches!(&error, kube::Error::Api(status) if status.code == 403), "{name} {kind}: {error}");
    }
    api.create(&dry, &secret("portal-domain-x", "Opaque")).await.unwrap();
}

/// One thing that the worker must not be able to do.
enum Try {
    Create,
    Delete(&'static str),
    DeleteAll,
    Get(&'static str),
    List,
    /// A forced server-side apply.
    Take(&'static str),
    /// A token of this service account.
    Token(&'static str),
}

/// Tries it, without effect where it is allowed.
async fn attempt(objects: &Api<DynamicObject>, head: (&str, &str), what: &Try) -> Result<(), kube::Error> {
    let (api_version, kind) = head;
    let named = |name: &str| object(json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } }));
    let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
    let post = PostParams { dry_run: true, ..PostParams::default() };
    match what {
        Try::Create => objects.create(&post, &named("portal-domain-mine")).await.map(drop),
        Try::Delete(name) => objects.delete(name, &dry).await.map(drop),
        Try::DeleteAll => objects.delete_collection(&dry, &ListParams::default()).await.map(drop),
        Try::Get(name) => objects.get_opt(name).await.map(drop),
        Try::List => objects.list(&ListParams::default()).await.map(drop),
        Try::Take(name) => {
            let params = PatchParams { dry_run: true, ..PatchParams::apply("tenantry").force() };
            objects.patch(name, &params, &Patch::Apply(named(name))).await.map(drop)
        }
        Try::Token(name) => {
            let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
            objects.create_subresource::<Value, Value>("token", name, &post, &body).await.map(drop)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_widen_the_rights_is_refused_when_it_is_tried() {
    let Some(real) = real("tries").await else { return };
    let others = ["msp", "istio-system"].map(|namespace| secrets(&real.admin, namespace));
    for api in &others {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "not-of-a-domain" }, "type": "Opaque" });
        let params = PatchParams::apply("cluster-test").force();
        api.patch("not-of-a-domain", &params, &Patch::Apply(&secret)).await.unwrap();
    }
    let (rbac, admission) = ("rbac.authorization.k8s.io", "admissionregistration.k8s.io");
    let (istio, acme) = ("networking.istio.io", "acme.cert-manager.io");
    let table: [(&str, &str, &str, &str, Try); 34] = [
        // Secrets: none is listed, and only portal-domain-* is written or deleted, whoever made it.
        ("", "Secret", "secrets", "msp", Try::List),
        ("", "Secret", "secrets", "istio-system", Try::List),
        ("", "Secret", "secrets", "", Try::List),
        ("", "Secret", "secrets", "default", Try::Get("any")),
        ("", "Secret", "secrets", "kube-system", Try::Get("any")),
        ("", "Secret", "secrets", "msp", Try::Create),
        ("", "Secret", "secrets", "msp", Try::Delete("not-of-a-domain")),
        ("", "Secret", "secrets", "istio-system", Try::Delete("not-of-a-domain")),
        ("", "Secret", "secrets", "istio-system", Try::Take("not-of-a-domain")),
        ("", "Secret", "secrets", "istio-system", Try::DeleteAll),
        // The edge and issuance: each kind in its own namespace, and nothing that stands for the authority.
        (istio, "Gateway", "gateways", "msp", Try::Create),
        (istio, "Gateway", "gateways", "default", Try::Delete("any")),
        (istio, "Gateway", "gateways", "istio-system", Try::DeleteAll),
        (istio, "VirtualService", "virtualservices", "istio-system", Try::Create),
        (istio, "VirtualService", "virtualservices", "msp", Try::DeleteAll),
        ("cert-manager.io", "Certificate", "certificates", "istio-system", Try::Create),
        ("cert-manager.io", "Certificate", "certificates", "msp", Try::DeleteAll),
        ("cert-manager.io", "ClusterIssuer", "clusterissuers", "", Try::Take("letsencrypt-http01")),
        ("cert-manager.io", "CertificateRequest", "certificaterequests", "msp", Try::Create),
        (acme, "Order", "orders", "msp", Try::Create),
        (acme, "Challenge", "challenges", "msp", Try::Create),
        (acme, "Challenge", "challenges", "msp", Try::Delete("any")),
        // Its own rights, and what limits them.
        (rbac, "Role", "roles", "msp", Try::Take("tenantry-portal-domains")),
        (rbac, "RoleBinding", "rolebindings", "istio-system", Try::Create),
        (rbac, "ClusterRole", "clusterroles", "", Try::Take("tenantry-edge-reader")),
        (rbac, "ClusterRoleBinding", "clusterrolebindings", "", Try::Create),
        (admission, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", "", Try::Delete("tenantry-secrets")),
        (
            admission,
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            "",
            Try::Delete("tenantry-secrets"),
        ),
        (admission, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", "", Try::Delete("any")),
        // Another identity, or a place to run as one.
        ("", "ServiceAccount", "serviceaccounts", "msp", Try::Token("tenantry")),
        ("", "ServiceAccount", "serviceaccounts", "kube-system", Try::Token("default")),
        ("", "Pod", "pods", "msp", Try::Create),
        ("", "Namespace", "namespaces", "", Try::Delete("any")),
        ("", "Node", "nodes", "", Try::List),
    ];
    let mut wrong = Vec::new();
    for (group, kind, plural, namespace, what) in table {
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let head = (version.as_str(), kind);
        let refused = attempt(&api(&real.worker, group, kind, plural, namespace), head, &what).await;
        if !matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403) {
            wrong.push(format!("{plural} in {namespace:?}: {refused:?}"));
        }
        // The administrator is heard, so what was refused is a real thing to ask for.
        let heard = attempt(&api(&real.admin, group, kind, plural, namespace), head, &what).await;
        let unknown =
            |status: &kube::core::Status| status.code == 403 || status.message.contains("could not find the requested");
        if matches!(&heard, Err(kube::Error::Api(status)) if unknown(status)) {
            wrong.push(format!("{plural} in {namespace:?}, as administrator: {heard:?}"));
        }
    }
    let acting = acting_as("KUBECONFIG", "system:serviceaccount:kube-system:default").await;
    let refused = secrets(&acting, "msp").get_opt("any").await;
    if !matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403 && status.message.contains("impersonate"))
    {
        wrong.push(format!("impersonation: {refused:?}"));
    }
    for api in &others {
        api.delete("not-of-a-domain", &DeleteParams::default()).await.unwrap();
    }
    assert_eq!(wrong, Vec::<String>::new());
}
