//! Who else claims the host, and what the edge's webhook refuses.

use crate::rig::{PATIENCE, check, domain, gateways, object, real, remove, settings, step, until_claimed_elsewhere};
use cluster::ClusterActivities;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

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
    until_claimed_elsewhere(&real, &objects.host, true).await;
    let refused = step(&real, "apply_virtual_service", &objects).await;
    check(&refused, "refused", "EDGE_CONFLICT_HOST");
    assert!(refused.vars["other"].ends_with(&format!("default/{name}")), "{:?}", refused.vars);
    let found = real.cluster.preflight(&cluster::preflight_identity(&objects.host)).await.unwrap();
    assert!(found.guarded && found.conflict.is_some() && found.rejected.is_none(), "{found:?}");
    theirs.delete(&name, &DeleteParams::default()).await.unwrap();
    until_claimed_elsewhere(&real, &objects.host, false).await;
    check(&step(&real, "apply_virtual_service", &objects).await, "applied", "");
    remove(&real, &objects).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_webhook_denies_is_refused_and_never_stored() {
    let Some(mut real) = real("denied-by-webhook").await else { return };
    let mut settings = settings();
    settings.edge.service_host = "not a host".to_owned();
    real.cluster = ClusterActivities::new(settings, real.worker.clone());
    assert!(real.cluster.ready(PATIENCE).await);
    let objects = domain("denied-by-webhook", 1);
    check(&step(&real, "apply_virtual_service", &objects).await, "refused", "EDGE_REJECTED");
    check(&step(&real, "delete_virtual_service", &objects).await, "absent", "");
}
