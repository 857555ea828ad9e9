//! Steps and looks against an API server in process: fences, preconditions, adoption, conflicts, and answers of the server.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its objects fails here")]

mod support;

use cluster::{ClusterActivities, Settings};
use model::portal::manifest::EdgeSettings;
use proto::v1::{
    ApplyStepReply, ApplyStepRequest, DomainObjects, InventoryObject, ReadBackRequest, ReadCertificateRequest,
    ReadEdgeRequest, SweepCopiesRequest, SweepDomain,
};
use serde_json::{Value, json};
use support::FakeApi;

const CERT: &str = "/apis/cert-manager.io/v1/namespaces/msp/certificates/portal-domain-d1";
const SOURCE: &str = "/api/v1/namespaces/msp/secrets/portal-domain-d1";
const COPY: &str = "/api/v1/namespaces/istio-system/secrets/portal-domain-d1";
const GATEWAY: &str = "/apis/networking.istio.io/v1/namespaces/istio-system/gateways/portal-domain-gw-d1";
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/msp/virtualservices/portal-domain-vs-d1";
const WEBHOOK: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/istio";

fn objects(fence: u64) -> DomainObjects {
    DomainObjects {
        tenant_id: "t1".to_owned(),
        portal_domain_id: "d1".to_owned(),
        former_ids: Vec::new(),
        host: "portal.acme.test".to_owned(),
        tenant_prefix: "abc1234".to_owned(),
        generation: 1,
        fence,
        probe_nonce: "n".to_owned(),
        slug: String::new(),
    }
}

fn labels() -> Value {
    json!({ "portal.alga-psa.com/domain-id": "d1", "portal.alga-psa.com/tenant": "t1" })
}

fn webhook() -> Value {
    json!({ "webhooks": [{ "failurePolicy": "Fail", "rules": [
        { "apiGroups": ["networking.istio.io"], "resources": ["*"], "operations": ["CREATE", "UPDATE"] }
    ]}]})
}

/// A Secret with a self-signed certificate, as cert-manager would write it.
fn secret() -> Value {
    use base64::Engine;
    let made = rcgen::generate_simple_self_signed(["portal.acme.test".to_owned()]).unwrap();
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "metadata": { "annotations": { "cert-manager.io/certificate-name": "portal-domain-d1" } },
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": encode(made.cert.pem()), "tls.key": encode(made.signing_key.serialize_pem()), "ca.crt": "eA==" },
    })
}

async fn start() -> (FakeApi, ClusterActivities) {
    let (fake, client) = FakeApi::start().await;
    fake.put(WEBHOOK, webhook());
    (fake, activities(client))
}

fn activities(client: kube::Client) -> ClusterActivities {
    let edge =
        EdgeSettings::from_vars(|n| (n == "PORTAL_DOMAIN_SERVICE_HOST").then(|| "app.msp.svc".to_owned())).unwrap();
    // The client itself repeats 429 and 503 for a while; the bound of a call ends that.
    let settings = Settings { call_timeout: std::time::Duration::from_millis(600), ..Settings::new(edge) };
    ClusterActivities::new(settings, client)
}

async fn step(cluster: &ClusterActivities, step: &str, fence: u64) -> ApplyStepReply {
    let request = ApplyStepRequest {
        step: step.to_owned(),
        target: "istio".to_owned(),
        objects: Some(objects(fence)),
        ..ApplyStepRequest::default()
    };
    cluster.take_step(&request).await.unwrap()
}

#[track_caller]
fn check(reply: &ApplyStepReply, outcome: &str, reason: &str) {
    assert_eq!((reply.outcome.as_str(), reply.reason.as_str()), (outcome, reason), "{:?}", reply.vars);
}

#[tokio::test]
async fn a_registration_writes_each_object_once() {
    let (fake, cluster) = start().await;
    check(&step(&cluster, "apply_gateway", 1).await, "refused", "SECRET_NOT_MIRRORED");
    check(&step(&cluster, "apply_certificate", 1).await, "applied", "");
    check(&step(&cluster, "copy_secret", 1).await, "refused", "SECRET_NOT_MIRRORED");
    fake.put(SOURCE, secret());
    for outcome in ["applied", "unchanged"] {
        let reply = step(&cluster, "copy_secret", 1).await;
        check(&reply, outcome, "");
        assert_eq!(reply.fingerprint_sha256.len(), 64);
        for name in ["apply_virtual_service", "apply_gateway"] {
            check(&step(&cluster, name, 1).await, outcome, "");
        }
    }
    let copy = fake.at(COPY).unwrap();
    assert_eq!(copy["data"].as_object().unwrap().len(), 2, "only the two halves");
    assert_eq!(copy["metadata"]["labels"]["portal.alga-psa.com/origin-secret-namespace"], "msp");
    assert_eq!(fake.at(GATEWAY).unwrap()["spec"]["servers"][0]["tls"]["credentialName"], "portal-domain-d1");
    let calls = fake.calls();
    assert!(calls.iter().any(|c| c.starts_with("PATCH") && c.contains("gateways") && c.ends_with("dry")));
    assert!(!calls.iter().any(|c| c.starts_with("GET") && c.ends_with("/secrets")), "Secrets are never listed");

    let look = cluster.look_at_edge(&ReadEdgeRequest { objects: Some(objects(1)), ..ReadEdgeRequest::default() }).await;
    assert_eq!(look.finding.unwrap().state, "accepted");
    assert_eq!(look.objects.len(), 3);
}

#[tokio::test]
async fn a_lower_fence_is_refused_everywhere() {
    let (fake, cluster) = start().await;
    fake.put(SOURCE, secret());
    for name in ["apply_certificate", "copy_secret", "apply_virtual_service", "apply_gateway"] {
        check(&step(&cluster, name, 9).await, "applied", "");
    }
    for name in [
        "apply_certificate",
        "copy_secret",
        "apply_virtual_service",
        "apply_gateway",
        "delete_gateway",
        "delete_virtual_service",
        "delete_secret_copy",
        "delete_certificate",
        "delete_secret",
    ] {
        check(&step(&cluster, name, 8).await, "refused", "EDGE_CONFLICT_HOST");
    }
    assert_eq!(fake.at(GATEWAY).unwrap()["metadata"]["annotations"]["portal.alga-psa.com/fence"], "9");
}

#[tokio::test]
async fn an_object_of_somebody_else_under_our_name_is_left_alone() {
    let (fake, cluster) = start().await;
    fake.put(SOURCE, secret());
    let foreign = json!({ "metadata": { "labels": { "portal.alga-psa.com/domain-id": "d1", "portal.alga-psa.com/tenant": "t2" } }, "spec": {} });
    for path in [CERT, COPY, ROUTE] {
        fake.put(path, foreign.clone());
    }
    for name in
        ["apply_certificate", "copy_secret", "apply_virtual_service", "delete_certificate", "delete_secret_copy"]
    {
        let reply = step(&cluster, name, 1).await;
        check(&reply, "refused", "EDGE_CONFLICT_HOST");
        assert!(reply.vars.contains_key("own") && reply.vars.contains_key("other"), "{name}");
    }
    assert_eq!(fake.at(CERT).unwrap()["spec"], json!({}));
}

#[tokio::test]
async fn an_adopted_set_keeps_its_names_and_its_certificate_spec() {
    let (fake, cluster) = start().await;
    let spec = json!({ "dnsNames": ["portal.acme.test"], "secretName": "portal-domain-abc1234",
        "issuerRef": { "name": "older", "kind": "ClusterIssuer" }, "privateKey": { "rotationPolicy": "Always" } });
    fake.put(
        "/apis/cert-manager.io/v1/namespaces/msp/certificates/portal-domain-abc1234",
        json!({ "metadata": { "labels": labels() }, "spec": spec.clone() }),
    );
    fake.put("/apis/networking.istio.io/v1/namespaces/istio-system/gateways/portal-domain-gw-abc1234",
        json!({ "metadata": { "labels": labels(), "managedFields": [{ "manager": "kubectl-client-side-apply", "operation": "Update",
            "apiVersion": "networking.istio.io/v1beta1", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": {} } }] },
            "spec": { "selector": { "istio": "ingressgateway" }, "servers": [{ "port": { "number": 443 }, "hosts": ["portal.acme.test"],
            "tls": { "credentialName": "portal-domain-abc1234" } }] } }));
    fake.put("/api/v1/namespaces/msp/secrets/portal-domain-abc1234", secret());
    check(&step(&cluster, "copy_secret", 1).await, "applied", "");
    for name in ["apply_certificate", "apply_virtual_service", "apply_gateway"] {
        check(&step(&cluster, name, 1).await, "applied", "");
    }
    let certificate = fake.at("/apis/cert-manager.io/v1/namespaces/msp/certificates/portal-domain-abc1234").unwrap();
    assert_eq!(certificate["spec"], spec, "nothing is issued again");
    assert!(fake.at(CERT).is_none() && fake.at(GATEWAY).is_none(), "nothing is recreated to rename");
    assert_eq!(fake.at(ROUTE).unwrap()["spec"]["gateways"][0], "istio-system/portal-domain-gw-abc1234");
    assert!(fake.at("/api/v1/namespaces/istio-system/secrets/portal-domain-abc1234").is_some());
}

#[tokio::test]
async fn a_foreign_claim_stops_the_apply_and_the_report_names_both() {
    let (fake, client) = FakeApi::start().await;
    fake.put(WEBHOOK, webhook());
    fake.put(
        "/apis/networking.istio.io/v1/namespaces/web/gateways/theirs",
        json!({ "spec": {
        "selector": { "istio": "ingressgateway" },
        "servers": [{ "port": { "number": 443 }, "hosts": ["web/Portal.Acme.test"] }] } }),
    );
    let cluster = activities(client);
    for name in ["apply_virtual_service", "apply_gateway"] {
        let reply = step(&cluster, name, 1).await;
        check(&reply, "refused", "EDGE_CONFLICT_HOST");
        assert!(reply.vars["other"].contains("web/theirs") && reply.vars["own"].contains("portal-domain-gw-d1"));
    }
    let look = cluster.look_at_edge(&ReadEdgeRequest { objects: Some(objects(1)), ..ReadEdgeRequest::default() }).await;
    let finding = look.finding.unwrap();
    assert_eq!((finding.state.as_str(), finding.reason.as_str()), ("conflict", "EDGE_CONFLICT_HOST"));
    assert!(!fake.calls().iter().any(|c| c.starts_with("PATCH")));
}

#[tokio::test]
async fn without_a_guard_nothing_is_written_to_the_edge() {
    let (_fake, client) = FakeApi::start().await;
    let cluster = activities(client);
    check(&step(&cluster, "apply_virtual_service", 1).await, "refused", "EDGE_UNGUARDED");
    let look = cluster.look_at_edge(&ReadEdgeRequest { objects: Some(objects(1)), ..ReadEdgeRequest::default() }).await;
    assert_eq!(look.finding.unwrap().reason, "EDGE_UNGUARDED");
}

#[tokio::test]
async fn answers_of_the_server_are_refusals_or_failures() {
    let (fake, cluster) = start().await;
    let apply = ApplyStepRequest {
        step: "apply_certificate".to_owned(),
        objects: Some(objects(1)),
        ..ApplyStepRequest::default()
    };
    for code in [409, 429, 500, 503] {
        fake.fail_always("PATCH certificates", code);
        let error = cluster.take_step(&apply).await.unwrap_err();
        assert!(error.retryable() && error.reason().as_str() == "CLUSTER_READ_UNKNOWN", "{code}: {error}");
    }
    fake.heal();
    for code in [400, 403, 422] {
        fake.fail_next("PATCH certificates", code);
        check(&cluster.take_step(&apply).await.unwrap(), "refused", "EDGE_REJECTED");
    }
    let unknown = ApplyStepRequest { step: "apply_magic".to_owned(), ..apply.clone() };
    assert!(!cluster.take_step(&unknown).await.unwrap_err().retryable());
    fake.fail_next("GET certificates", 500);
    let look = cluster
        .look_at_certificate(&ReadCertificateRequest { objects: Some(objects(1)), ..ReadCertificateRequest::default() })
        .await;
    let finding = look.finding.unwrap();
    assert_eq!((finding.state.as_str(), finding.reason.as_str()), ("unknown", "CLUSTER_READ_UNKNOWN"));
}

#[tokio::test]
async fn a_removal_takes_only_what_labels_confirm_and_is_read_back() {
    let (fake, cluster) = start().await;
    fake.put(SOURCE, secret());
    for name in ["apply_certificate", "copy_secret", "apply_virtual_service", "apply_gateway"] {
        step(&cluster, name, 1).await;
    }
    let entry = |kind: &str, namespace: &str, name: &str| InventoryObject {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..InventoryObject::default()
    };
    let inventory = ReadBackRequest {
        portal_domain_id: "d1".to_owned(),
        objects: vec![
            entry("certificate", "msp", "portal-domain-d1"),
            entry("secret", "msp", "portal-domain-d1"),
            entry("secret_copy", "istio-system", "portal-domain-d1"),
            entry("gateway", "istio-system", "portal-domain-gw-d1"),
            entry("virtual_service", "msp", "portal-domain-vs-d1"),
        ],
        ..ReadBackRequest::default()
    };
    assert_eq!(cluster.remaining(&inventory).await.unwrap().remaining.len(), 5);
    let order = [
        "delete_virtual_service",
        "delete_gateway",
        "delete_secret_copy",
        "delete_certificate",
        "delete_orders",
        "delete_secret",
    ];
    for name in order {
        let expected = if name == "delete_orders" { "absent" } else { "deleted" };
        check(&step(&cluster, name, 1).await, expected, "");
    }
    for name in order {
        check(&step(&cluster, name, 1).await, "absent", "");
    }
    assert_eq!(cluster.remaining(&inventory).await.unwrap().remaining, []);
    fake.fail_next("GET secrets", 500);
    assert!(cluster.remaining(&inventory).await.is_err(), "a failed look verifies nothing");
    fake.put(SOURCE, json!({ "metadata": { "annotations": { "cert-manager.io/certificate-name": "the-website" } } }));
    check(&step(&cluster, "delete_secret", 1).await, "refused", "EDGE_CONFLICT_HOST");
}

#[tokio::test]
async fn a_renewed_source_makes_its_copy_stale() {
    let (fake, cluster) = start().await;
    fake.put(SOURCE, secret());
    let first = step(&cluster, "copy_secret", 1).await.fingerprint_sha256;
    let sweep = SweepCopiesRequest {
        domains: vec![SweepDomain {
            portal_domain_id: "d1".to_owned(),
            secret_name: "portal-domain-d1".to_owned(),
            ..SweepDomain::default()
        }],
    };
    assert_eq!(cluster.stale_copies(&sweep).await.portal_domain_ids, Vec::<String>::new());
    fake.put(SOURCE, secret());
    assert_eq!(cluster.stale_copies(&sweep).await.portal_domain_ids, ["d1"]);
    let older = ApplyStepRequest {
        step: "copy_secret".to_owned(),
        objects: Some(objects(1)),
        fingerprint_sha256: first.clone(),
        ..ApplyStepRequest::default()
    };
    check(&cluster.take_step(&older).await.unwrap(), "refused", "SECRET_NOT_MIRRORED");
    let second = step(&cluster, "copy_secret", 1).await;
    check(&second, "applied", "");
    assert_ne!(second.fingerprint_sha256, first);
    fake.fail_next("GET secrets", 500);
    assert_eq!(
        cluster.stale_copies(&sweep).await.portal_domain_ids,
        Vec::<String>::new(),
        "could not tell is no reason to act"
    );
}

#[tokio::test]
async fn a_preflight_has_no_effect() {
    let (fake, cluster) = start().await;
    let found = cluster.preflight(&cluster::preflight_identity("portal.acme.test")).await.unwrap();
    assert_eq!((found.conflict, found.guarded, found.rejected), (None, true, None));
    fake.fail_next("PATCH virtualservices", 422);
    let found = cluster.preflight(&cluster::preflight_identity("portal.acme.test")).await.unwrap();
    assert!(found.rejected.unwrap().contains("422"));
    assert!(fake.calls().iter().filter(|c| c.starts_with("PATCH")).all(|c| c.ends_with("dry")));
}

#[tokio::test]
async fn a_certificate_of_somebody_else_or_of_another_host_is_none() {
    let (fake, cluster) = start().await;
    let request = ReadCertificateRequest { objects: Some(objects(1)), ..ReadCertificateRequest::default() };
    let ready = json!({ "conditions": [{ "type": "Ready", "status": "True", "reason": "Ready" }],
        "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2036-01-01T00:00:00Z" });
    for (host, labels, state) in [
        ("portal.acme.test", labels(), "issued"),
        ("old.acme.test", labels(), "none"),
        (
            "portal.acme.test",
            json!({ "portal.alga-psa.com/domain-id": "d2", "portal.alga-psa.com/tenant": "t1" }),
            "none",
        ),
    ] {
        let spec = json!({ "dnsNames": [host], "secretName": "portal-domain-d1" });
        fake.put(CERT, json!({ "metadata": { "labels": labels }, "spec": spec, "status": ready }));
        let look = cluster.look_at_certificate(&request).await;
        assert_eq!((look.finding.unwrap().state.as_str(), look.exists), (state, state == "issued"), "{host}");
    }
}
