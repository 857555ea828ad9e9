//! The same steps against a real API server with cert-manager, istiod's webhook and the manifests of `deploy/base`.
//!
//! Runs where `KUBECONFIG` (the worker's own identity) and `KUBECONFIG_ADMIN` are set; says "not run" elsewhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its objects fails here")]

use cluster::{ClusterActivities, Settings};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use model::portal::manifest::EdgeSettings;
use proto::v1::{
    ApplyStepReply, ApplyStepRequest, DomainObjects, InventoryObject, ReadBackRequest, ReadCertificateRequest,
    ReadEdgeRequest, SweepCopiesRequest, SweepDomain,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for anything that the cluster does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

struct Real {
    admin: Client,
    cluster: ClusterActivities,
    worker: Client,
}

async fn client(variable: &str) -> Option<Client> {
    let path = std::env::var_os(variable)?;
    let file = Kubeconfig::read_from(path).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Some(Client::try_from(config).unwrap())
}

fn edge(service_host: &'static str) -> EdgeSettings {
    EdgeSettings::from_vars(|name| match name {
        "PORTAL_DOMAIN_SERVICE_HOST" => Some(service_host.to_owned()),
        // Nothing is ordered in these tests: an issuer that does not exist is a state of its own.
        "PORTAL_DOMAIN_CERT_ISSUER" => Some("no-such-issuer".to_owned()),
        _ => None,
    })
    .unwrap()
}

/// The real parts, or a line that says what is missing.
async fn real(test: &str) -> Option<Real> {
    let (Some(admin), Some(worker)) = (client("KUBECONFIG_ADMIN").await, client("KUBECONFIG").await) else {
        eprintln!("{test}: not run: KUBECONFIG and KUBECONFIG_ADMIN are not both set");
        return None;
    };
    let cluster = ClusterActivities::new(Settings::new(edge("sebastian.msp.svc.cluster.local")), worker.clone());
    assert!(cluster.ready(PATIENCE).await, "the watches did not complete");
    Some(Real { admin, cluster, worker })
}

/// One domain of its own per test, so that tests run beside each other.
fn domain(test: &str, fence: u64) -> DomainObjects {
    let hex = format!("{:012x}", std::process::id());
    let id = format!("{}-0000-4000-8000-{hex}", &format!("{:08x}", test.len() * 7919)[..8]);
    DomainObjects {
        tenant_id: format!("{}-1111-4111-8111-{hex}", &id[..8]),
        portal_domain_id: id,
        host: format!("{test}-{hex}.cluster.test"),
        tenant_prefix: "abc1234".to_owned(),
        generation: 1,
        fence,
        probe_nonce: "n".to_owned(),
        slug: String::new(),
    }
}

fn api(client: &Client, group: &str, kind: &str, plural: &str, namespace: &str) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(group, "v1", kind);
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&gvk, plural))
}

fn secrets(client: &Client, namespace: &str) -> Api<DynamicObject> {
    api(client, "", "Secret", "secrets", namespace)
}

fn gateways(client: &Client, namespace: &str) -> Api<DynamicObject> {
    api(client, "networking.istio.io", "Gateway", "gateways", namespace)
}

fn certificates(client: &Client) -> Api<DynamicObject> {
    api(client, "cert-manager.io", "Certificate", "certificates", "msp")
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// Stores the certificate's Secret as cert-manager would.
async fn put_source(admin: &Client, name: &str, host: &str) {
    use base64::Engine;
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": name, "annotations": { "cert-manager.io/certificate-name": name } },
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": encode(made.cert.pem()), "tls.key": encode(made.signing_key.serialize_pem()) },
    });
    let params = PatchParams::apply("cert-manager-test").force();
    secrets(admin, "msp").patch(name, &params, &Patch::Apply(&secret)).await.unwrap();
}

async fn step(real: &Real, name: &str, objects: &DomainObjects) -> ApplyStepReply {
    let request = ApplyStepRequest {
        step: name.to_owned(),
        target: "istio".to_owned(),
        objects: Some(objects.clone()),
        ..ApplyStepRequest::default()
    };
    real.cluster.take_step(&request).await.unwrap()
}

#[track_caller]
fn check(reply: &ApplyStepReply, outcome: &str, reason: &str) {
    assert_eq!((reply.outcome.as_str(), reply.reason.as_str()), (outcome, reason), "{:?}", reply.vars);
}

/// Takes a step again until it has the outcome; what a watch must first learn of is the only reason to wait.
async fn step_until(real: &Real, name: &str, objects: &DomainObjects, outcome: &str) -> ApplyStepReply {
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    let attempts = async {
        loop {
            beat.tick().await;
            let reply = step(real, name, objects).await;
            if reply.outcome == outcome {
                return reply;
            }
        }
    };
    tokio::time::timeout(PATIENCE, attempts).await.expect(outcome)
}

const REMOVAL: [&str; 6] = [
    "delete_virtual_service",
    "delete_gateway",
    "delete_secret_copy",
    "delete_certificate",
    "delete_orders",
    "delete_secret",
];

async fn remove(real: &Real, objects: &DomainObjects) {
    for name in REMOVAL {
        let reply = step(real, name, objects).await;
        assert!(matches!(reply.outcome.as_str(), "deleted" | "absent"), "{name}: {reply:?}");
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_apply_and_removal() {
    let Some(real) = real("round").await else { return };
    let objects = domain("round", 5);
    let name = format!("portal-domain-{}", objects.portal_domain_id);
    check(&step(&real, "apply_gateway", &objects).await, "refused", "SECRET_NOT_MIRRORED");
    check(&step(&real, "apply_certificate", &objects).await, "applied", "");

    let seen = ReadCertificateRequest {
        objects: Some(objects.clone()),
        seen_state: "ordering".to_owned(),
        ..ReadCertificateRequest::default()
    };
    let look = tokio::time::timeout(PATIENCE, real.cluster.await_certificate_change(&seen)).await.unwrap();
    assert_eq!(look.finding.unwrap().reason, "CERT_ISSUER_NOT_READY");
    assert!(look.exists && look.secret_name == name);

    put_source(&real.admin, &name, &objects.host).await;
    check(&step(&real, "copy_secret", &objects).await, "applied", "");
    for name in ["apply_virtual_service", "apply_gateway"] {
        check(&step(&real, name, &objects).await, "applied", "");
    }
    for name in ["copy_secret", "apply_virtual_service", "apply_gateway"] {
        check(&step(&real, name, &objects).await, "unchanged", "");
    }
    let edge = ReadEdgeRequest { objects: Some(objects.clone()), ..ReadEdgeRequest::default() };
    let look = real.cluster.look_at_edge(&edge).await;
    assert_eq!(look.finding.clone().unwrap().state, "accepted", "{look:?}");
    assert!(look.objects.iter().all(|o| !o.uid.is_empty()) && look.objects.len() == 3);

    let late = DomainObjects { fence: 4, ..objects.clone() };
    for name in ["copy_secret", "apply_virtual_service", "apply_gateway", "delete_gateway"] {
        check(&step(&real, name, &late).await, "refused", "EDGE_CONFLICT_HOST");
    }

    let mut inventory = look.objects;
    inventory.extend(["certificate", "secret"].map(|kind| InventoryObject {
        kind: kind.to_owned(),
        namespace: "msp".to_owned(),
        name: name.clone(),
        ..InventoryObject::default()
    }));
    let back = ReadBackRequest { objects: inventory, portal_domain_id: objects.portal_domain_id.clone() };
    assert_eq!(real.cluster.remaining(&back).await.unwrap().remaining.len(), 5);
    remove(&real, &objects).await;
    assert_eq!(real.cluster.remaining(&back).await.unwrap().remaining, []);
    for name in REMOVAL {
        check(&step(&real, name, &objects).await, "absent", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_client_side_apply_are_adopted_under_their_names() {
    let Some(real) = real("adopted").await else { return };
    let objects = domain("adopted", 1);
    let prefix = format!("a{:x}", std::process::id());
    let (certificate, gateway) = (format!("portal-domain-{prefix}"), format!("portal-domain-gw-{prefix}"));
    let labels = json!({
        "portal.alga-psa.com/managed": "true",
        "portal.alga-psa.com/tenant": objects.tenant_id,
        "portal.alga-psa.com/domain-id": objects.portal_domain_id,
    });
    let last = json!({ "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":\"key\"}" });
    let earlier = PostParams { field_manager: Some("kubectl-client-side-apply".to_owned()), ..PostParams::default() };
    let made = certificates(&real.admin)
        .create(
            &earlier,
            &object(json!({
                "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
                "metadata": { "name": certificate, "labels": labels, "annotations": last },
                "spec": { "secretName": certificate, "dnsNames": [objects.host],
                    "issuerRef": { "name": "older-issuer", "kind": "ClusterIssuer", "group": "cert-manager.io" },
                    "privateKey": { "rotationPolicy": "Always" }, "usages": ["digital signature", "key encipherment"] },
            })),
        )
        .await
        .unwrap();
    put_source(&real.admin, &certificate, &objects.host).await;
    gateways(&real.admin, "istio-system")
        .create(&earlier, &object(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": { "name": gateway, "labels": labels, "annotations": last },
            "spec": { "selector": { "istio": "ingressgateway" }, "servers": [
                { "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": [objects.host] },
                { "port": { "number": 443, "name": format!("https-{prefix}"), "protocol": "HTTPS" }, "hosts": [objects.host],
                  "tls": { "mode": "SIMPLE", "credentialName": certificate } } ] },
        })))
        .await
        .unwrap();

    check(&step(&real, "apply_certificate", &objects).await, "applied", "");
    check(&step(&real, "copy_secret", &objects).await, "applied", "");
    check(&step_until(&real, "apply_virtual_service", &objects, "applied").await, "applied", "");
    check(&step(&real, "apply_gateway", &objects).await, "applied", "");

    let adopted = certificates(&real.admin).get(&certificate).await.unwrap();
    assert_eq!(adopted.data["spec"], made.data["spec"], "nothing is issued again");
    assert_eq!(adopted.metadata.generation, made.metadata.generation);
    let adopted_gateway = gateways(&real.admin, "istio-system").get(&gateway).await.unwrap();
    assert_eq!(adopted_gateway.data["spec"]["servers"].as_array().unwrap().len(), 1, "port 80 is the fleet's");
    for object in [&adopted, &adopted_gateway] {
        let annotations = object.metadata.annotations.clone().unwrap_or_default();
        assert!(!annotations.contains_key("kubectl.kubernetes.io/last-applied-configuration"));
        assert_eq!(annotations["portal.alga-psa.com/fence"], "1");
        let managers = object.metadata.managed_fields.clone().unwrap_or_default();
        assert!(managers.iter().all(|m| m.manager.as_deref() != Some("kubectl-client-side-apply")));
    }
    let unchanged = ["apply_certificate", "apply_virtual_service", "apply_gateway"];
    for name in unchanged {
        check(&step(&real, name, &objects).await, "unchanged", "");
    }
    remove(&real, &DomainObjects { slug: prefix, ..objects.clone() }).await;
    // The route was new, so it has a name made from the id.
    check(&step(&real, "delete_virtual_service", &objects).await, "deleted", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_gateway_stops_the_apply_until_it_goes() {
    let Some(real) = real("conflicts").await else { return };
    let objects = domain("conflicts", 1);
    let name = format!("theirs-{:x}", std::process::id());
    let theirs = gateways(&real.admin, "default");
    theirs
        .create(
            &PostParams::default(),
            &object(json!({
                "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": { "name": name },
                "spec": { "selector": { "istio": "ingressgateway" }, "servers": [{
                    "port": { "number": 443, "name": "https-theirs", "protocol": "HTTPS" },
                    "hosts": [format!("default/{}", objects.host)],
                    "tls": { "mode": "SIMPLE", "credentialName": "theirs" } }] },
            })),
        )
        .await
        .unwrap();
    let refused = step_until(&real, "apply_virtual_service", &objects, "refused").await;
    check(&refused, "refused", "EDGE_CONFLICT_HOST");
    assert!(refused.vars["other"].ends_with(&format!("default/{name}")), "{:?}", refused.vars);
    let found = real.cluster.preflight(&cluster::preflight_identity(&objects.host)).await.unwrap();
    assert!(found.guarded && found.conflict.is_some() && found.rejected.is_none(), "{found:?}");
    theirs.delete(&name, &DeleteParams::default()).await.unwrap();
    step_until(&real, "apply_virtual_service", &objects, "applied").await;
    remove(&real, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_found_and_copied() {
    let Some(real) = real("rotated-copy").await else { return };
    let objects = domain("rotated-copy", 1);
    let name = format!("portal-domain-{}", objects.portal_domain_id);
    put_source(&real.admin, &name, &objects.host).await;
    let first = step(&real, "copy_secret", &objects).await;
    check(&first, "applied", "");
    let swept = SweepDomain {
        portal_domain_id: objects.portal_domain_id.clone(),
        secret_name: name.clone(),
        ..SweepDomain::default()
    };
    let sweep = SweepCopiesRequest { domains: vec![swept] };
    assert_eq!(real.cluster.stale_copies(&sweep).await.portal_domain_ids, Vec::<String>::new());
    put_source(&real.admin, &name, &objects.host).await;
    assert_eq!(real.cluster.stale_copies(&sweep).await.portal_domain_ids, vec![objects.portal_domain_id.clone()]);
    let second = step(&real, "copy_secret", &objects).await;
    check(&second, "applied", "");
    assert_ne!(first.fingerprint_sha256, second.fingerprint_sha256);
    assert_eq!(real.cluster.stale_copies(&sweep).await.portal_domain_ids, Vec::<String>::new());
    remove(&real, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_webhook_denies_is_refused_and_never_stored() {
    let Some(mut real) = real("denied-by-webhook").await else { return };
    real.cluster = ClusterActivities::new(Settings::new(edge("not a host")), real.worker.clone());
    assert!(real.cluster.ready(PATIENCE).await);
    let objects = domain("denied-by-webhook", 1);
    check(&step(&real, "apply_virtual_service", &objects).await, "refused", "EDGE_REJECTED");
    check(&step(&real, "delete_virtual_service", &objects).await, "absent", "");
}
