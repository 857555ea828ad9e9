//! Challenges from a real API server with the CRDs of cert-manager. Runs when `RESPONDER_TEST_KUBECONFIG` names a kubeconfig
//! whose user may create and delete Challenges in namespace `default`; the role itself needs get, list and watch.

use challenge_responder::challenges::{Challenges, challenge_events};
use challenge_responder::question::{AskedHost, Token};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const VARIABLE: &str = "RESPONDER_TEST_KUBECONFIG";

async fn client(path: &str) -> Client {
    let file = Kubeconfig::read_from(path).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.expect("a usable context");
    Client::try_from(config).expect("a client")
}

#[tokio::test]
async fn a_created_challenge_is_answered_and_a_deleted_one_is_not() {
    let Ok(path) = std::env::var(VARIABLE) else {
        eprintln!("not run: {VARIABLE} is not set");
        return;
    };
    let client = client(&path).await;
    let challenges = Arc::new(Challenges::default());
    let events = challenge_events(client.clone(), Some("default"));
    let watch = tokio::spawn({
        let challenges = Arc::clone(&challenges);
        async move { challenges.feed(events).await }
    });

    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("acme.cert-manager.io", "v1", "Challenge"));
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &kind);
    let name = format!("responder-test-{}", std::process::id());
    let mut object = DynamicObject::new(&name, &kind).within("default");
    object.data = json!({"spec": {
        "type": "HTTP-01", "dnsName": "a.test", "token": name, "key": "key", "url": "https://acme.test/c",
        "authorizationURL": "https://acme.test/a", "issuerRef": {"name": "none"}, "solver": {"http01": {"ingress": {}}},
    }});
    api.create(&PostParams::default(), &object).await.expect("the Challenge is created");
    let (host, token) = (AskedHost::parse("a.test").expect("a host"), Token::parse(&name).expect("base64url"));
    let found = challenges.wait_for(&host, &token, Duration::from_secs(20)).await;
    api.delete(&name, &DeleteParams::default()).await.expect("the Challenge is deleted");
    assert_eq!(found.as_deref(), Some("key"));
    let gone = async {
        while challenges.find(&host, &token).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("the deletion arrives");
    watch.abort();
}
