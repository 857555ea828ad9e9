//! From the first apply to the last delete, and a renewal between.

use crate::rig::{PATIENCE, REMOVAL, check, domain, put_source, real, remove, step};
use proto::v1::{
    DomainObjects, InventoryObject, ReadBackRequest, ReadCertificateRequest, ReadEdgeRequest, SweepCopiesRequest,
    SweepDomain,
};

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
    let back = ReadBackRequest {
        objects: inventory,
        portal_domain_id: objects.portal_domain_id.clone(),
        ..ReadBackRequest::default()
    };
    assert_eq!(real.cluster.remaining(&back).await.unwrap().remaining.len(), 5);
    remove(&real, &objects).await;
    assert_eq!(real.cluster.remaining(&back).await.unwrap().remaining, []);
    for name in REMOVAL {
        check(&step(&real, name, &objects).await, "absent", "");
    }
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
    put_source(&real.admin, &name, &objects.host).await;
    let third = step(&real, "refresh_copy", &objects).await;
    check(&third, "applied", "");
    assert_ne!(third.fingerprint_sha256, second.fingerprint_sha256);
    check(&step(&real, "refresh_copy", &objects).await, "unchanged", "");
    check(&step(&real, "delete_secret_copy", &objects).await, "deleted", "");
    check(&step(&real, "refresh_copy", &objects).await, "absent", "");
    remove(&real, &objects).await;
}
