//! Objects of the earlier worker.

use crate::rig::{certificates, check, domain, gateways, object, put_source, real, remove, step};
use kube::api::PostParams;
use proto::v1::DomainObjects;
use serde_json::json;

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
    check(&step(&real, "apply_virtual_service", &objects).await, "applied", "");
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
