//! Clients of the real cluster, one domain per test, and its steps.

use cluster::{ClusterActivities, Settings};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use model::portal::manifest::EdgeSettings;
use proto::v1::{ApplyStepReply, ApplyStepRequest, DomainObjects};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for anything that the cluster does by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks.
const BEAT: Duration = Duration::from_millis(50);

pub(crate) struct Real {
    pub(crate) admin: Client,
    pub(crate) cluster: ClusterActivities,
    pub(crate) worker: Client,
}

async fn client(variable: &str) -> Option<Client> {
    Some(Client::try_from(config(variable).await?).unwrap())
}

async fn config(variable: &str) -> Option<Config> {
    let file = Kubeconfig::read_from(std::env::var_os(variable)?).unwrap();
    Some(Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap())
}

/// A client that asks to act as somebody else.
pub(crate) async fn acting_as(variable: &str, user: &str) -> Client {
    let mut config = config(variable).await.unwrap();
    config.headers.push(("impersonate-user".parse().unwrap(), user.parse().unwrap()));
    Client::try_from(config).unwrap()
}

pub(crate) fn settings() -> Settings {
    let edge = EdgeSettings::from_vars(|name| match name {
        "PORTAL_DOMAIN_SERVICE_HOST" => Some("sebastian.msp.svc.cluster.local".to_owned()),
        // Nothing is ordered in these tests: an issuer that does not exist is a state of its own.
        "PORTAL_DOMAIN_CERT_ISSUER" => Some("no-such-issuer".to_owned()),
        _ => None,
    });
    Settings::new(edge.unwrap())
}

/// The real parts, or a line that says what is missing.
pub(crate) async fn real(test: &str) -> Option<Real> {
    let (Some(admin), Some(worker)) = (client("KUBECONFIG_ADMIN").await, client("KUBECONFIG").await) else {
        eprintln!("{test}: not run: KUBECONFIG and KUBECONFIG_ADMIN are not both set");
        return None;
    };
    let cluster = ClusterActivities::new(settings(), worker.clone());
    assert!(cluster.ready(PATIENCE).await, "the watches did not complete");
    Some(Real { admin, cluster, worker })
}

/// One domain of its own per test, so that tests run beside each other.
pub(crate) fn domain(test: &str, fence: u64) -> DomainObjects {
    let hex = format!("{:012x}", std::process::id());
    let id =
        format!("{:08x}-0000-4000-8000-{hex}", test.bytes().fold(7, |sum: u32, b| sum.wrapping_mul(31) ^ u32::from(b)));
    DomainObjects {
        tenant_id: format!("{}-1111-4111-8111-{hex}", &id[..8]),
        portal_domain_id: id,
        former_ids: Vec::new(),
        host: format!("{test}-{hex}.cluster.test"),
        tenant_prefix: "abc1234".to_owned(),
        generation: 1,
        fence,
        probe_nonce: "n".to_owned(),
        slug: String::new(),
    }
}

/// Objects of a kind; no namespace for kinds without one.
pub(crate) fn api(client: &Client, group: &str, kind: &str, plural: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural);
    match namespace.is_empty() {
        true => Api::all_with(client.clone(), &resource),
        false => Api::namespaced_with(client.clone(), namespace, &resource),
    }
}

pub(crate) fn secrets(client: &Client, namespace: &str) -> Api<DynamicObject> {
    api(client, "", "Secret", "secrets", namespace)
}

pub(crate) fn gateways(client: &Client, namespace: &str) -> Api<DynamicObject> {
    api(client, "networking.istio.io", "Gateway", "gateways", namespace)
}

pub(crate) fn certificates(client: &Client) -> Api<DynamicObject> {
    api(client, "cert-manager.io", "Certificate", "certificates", "msp")
}

pub(crate) fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// Stores the certificate's Secret as cert-manager would.
pub(crate) async fn put_source(admin: &Client, name: &str, host: &str) {
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

/// Takes one step as the workflow does: what a later attempt may cure, such as a controller that wrote in between, is tried
/// again.
pub(crate) async fn step(real: &Real, name: &str, objects: &DomainObjects) -> ApplyStepReply {
    let request = ApplyStepRequest {
        step: name.to_owned(),
        target: "istio".to_owned(),
        objects: Some(objects.clone()),
        ..ApplyStepRequest::default()
    };
    let mut beat = tokio::time::interval(BEAT);
    let attempts = async {
        loop {
            beat.tick().await;
            match real.cluster.take_step(&request).await {
                Err(error) if error.retryable() => {}
                answer => return answer.unwrap(),
            }
        }
    };
    tokio::time::timeout(PATIENCE, attempts).await.expect(name)
}

#[track_caller]
pub(crate) fn check(reply: &ApplyStepReply, outcome: &str, reason: &str) {
    assert_eq!((reply.outcome.as_str(), reply.reason.as_str()), (outcome, reason), "{:?}", reply.vars);
}

/// Waits until the index of claims knows that somebody else claims the host, or that nobody does. Asks by a preflight, which
/// has no effect: a step that is repeated until it is refused is applied by an index that did not learn of the claim yet, and
/// is `unchanged` afterwards.
pub(crate) async fn until_claimed_elsewhere(real: &Real, host: &str, expected: bool) {
    let mut beat = tokio::time::interval(BEAT);
    let asks = async {
        loop {
            beat.tick().await;
            let found = real.cluster.preflight(&cluster::preflight_identity(host)).await;
            if found.is_ok_and(|found| found.conflict.is_some() == expected) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asks).await.expect("the index of claims did not learn of a change");
}

pub(crate) const REMOVAL: [&str; 6] = [
    "delete_virtual_service",
    "delete_gateway",
    "delete_secret_copy",
    "delete_certificate",
    "delete_orders",
    "delete_secret",
];

pub(crate) async fn remove(real: &Real, objects: &DomainObjects) {
    for name in REMOVAL {
        let reply = step(real, name, objects).await;
        assert!(matches!(reply.outcome.as_str(), "deleted" | "absent"), "{name}: {reply:?}");
    }
}
