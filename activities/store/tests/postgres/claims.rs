//! `loadDomain`: claims are opened, kept and advanced.

use crate::fixture::{DAY, Db, MINUTE, SECOND, T0, canonical, inventory, object, with_database, write};
use proto::v1 as wire;
use std::collections::BTreeSet;
use uuid::Uuid;

fn claim(loaded: &wire::DomainRecord) -> &wire::Claim {
    loaded.claim.as_ref().unwrap()
}

#[tokio::test]
async fn the_same_row_gives_the_same_claim() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("Portal.Customer.example").await;
        let first = db.load(tenant, id, T0).await;
        let again = db.load(tenant, id, T0 + MINUTE).await;
        assert_eq!(first, again);
        let claim = claim(&first);
        assert_eq!((claim.host.as_str(), claim.generation), ("portal.customer.example", 1));
        assert_eq!((claim.ownership_token.len(), claim.opened_ms, claim.proven_ms), (26, T0, 0));
        assert!(claim.own_target.ends_with(".portal.psa.example") && claim.own_target.starts_with("t-"));
        let row = first.row.as_ref().unwrap();
        assert_eq!((row.status.as_str(), row.expected_cname.as_str()), ("pending_dns", canonical(tenant).as_str()));
        assert_eq!(first.policy.as_ref().unwrap().state, "allowed");
        assert!(!claim.contended && !first.foreign);
        assert_eq!(db.value("SELECT count(*) FROM tenantry.history WHERE event = 'claimed'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn claims_opened_at_once_are_one_claim() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        let loads = futures::future::join_all((0..8).map(|_| db.load(tenant, id, T0))).await;
        let tokens: BTreeSet<_> = loads.iter().map(|loaded| claim(loaded).ownership_token.clone()).collect();
        assert_eq!(tokens.len(), 1);
        assert_eq!(db.value("SELECT count(*) FROM tenantry.claims").await, "1");
    })
    .await;
}

#[tokio::test]
async fn other_targets_are_the_next_generation_of_the_same_claim() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("portal.customer.example").await;
        let first = db.load(tenant, id, T0).await;
        db.execute(
            "UPDATE portal_domains SET verification_details = '{\"expected_cname\": \"new.portal.psa.example\"}'",
        )
        .await;
        let next = db.load(tenant, id, T0 + SECOND).await;
        let (old, new) = (claim(&first), claim(&next));
        assert_eq!((new.generation, &new.ownership_token, &new.own_target), (2, &old.ownership_token, &old.own_target));
        assert!(new.fence > old.fence && new.probe_nonce != old.probe_nonce);
        assert_eq!(db.value("SELECT count(*) FROM tenantry.claim_generations").await, "2");
        assert_eq!(db.load(tenant, id, T0 + MINUTE).await.claim, next.claim);
    })
    .await;
}

#[tokio::test]
async fn another_host_is_another_claim_and_coming_back_to_a_served_host_resumes() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("old.customer.example").await;
        let old = db.load(tenant, id, T0).await;
        let served = object(1, "gateway", "portal-domain-gw-x", "old.customer.example");
        db.store.record(&inventory(&old, vec![served.clone()], vec![], T0)).await.unwrap();
        assert_eq!(db.register(tenant, "new.customer.example").await, id);
        let new = db.load(tenant, id, T0 + SECOND).await;
        assert_eq!((claim(&new).host.as_str(), claim(&new).generation), ("new.customer.example", 2));
        assert_ne!(claim(&new).ownership_token, claim(&old).ownership_token);
        assert_eq!(new.inventory, [served]);
        db.register(tenant, "old.customer.example").await;
        let back = db.load(tenant, id, T0 + 2 * SECOND).await;
        assert_eq!((claim(&back).generation, &claim(&back).ownership_token), (3, &claim(&old).ownership_token));
        assert_eq!(
            db.value("SELECT string_agg(coalesce(closed_reason, 'open'), ' ' ORDER BY claim_id) FROM tenantry.claims")
                .await,
            "renamed renamed open"
        );
    })
    .await;
}

#[tokio::test]
async fn another_tenants_id_is_refused_and_a_newer_id_replaces_the_current_one() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let (other, others) = db.registered("b.customer.example").await;
        let foreign = db.load(tenant, others, T0).await;
        assert_eq!(foreign, wire::DomainRecord { foreign: true, ..Default::default() });
        assert_eq!(db.value("SELECT count(*) FROM tenantry.claims").await, "0");
        let run_of_other = wire::LoadDomainRequest {
            tenant_id: tenant.to_string(),
            portal_domain_id: id.to_string(),
            now_ms: T0,
            workflow_id: format!("portal-domain:{other}"),
        };
        assert!(db.store.load(&run_of_other).await.unwrap().foreign);

        let first = db.load(tenant, id, T0).await;
        db.execute(&format!("DELETE FROM portal_domains WHERE id = '{id}'")).await;
        let newer = db.register(tenant, "a.customer.example").await;
        let loaded = db.load(tenant, id, T0 + SECOND).await;
        assert_eq!(loaded.row.as_ref().unwrap().id, newer.to_string());
        let now = claim(&loaded);
        assert_eq!((now.generation, &now.ownership_token), (2, &claim(&first).ownership_token));
        assert_eq!(
            db.value(&format!("SELECT closed_reason FROM tenantry.claims WHERE portal_domain_id = '{id}'")).await,
            "replaced"
        );
    })
    .await;
}

#[tokio::test]
async fn a_bad_payload_finds_the_row_by_the_runs_tenant() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let request = wire::LoadDomainRequest {
            now_ms: T0,
            workflow_id: format!("portal-domain:{tenant}"),
            ..Default::default()
        };
        assert_eq!(db.store.load(&request).await.unwrap().row.unwrap().id, id.to_string());
        assert_eq!(db.store.load(&wire::LoadDomainRequest::default()).await.unwrap(), wire::DomainRecord::default());
    })
    .await;
}

#[tokio::test]
async fn a_host_that_another_tenant_still_serves_is_contended() {
    with_database(async |db: &Db| {
        let (holder, held) = db.registered("shop.customer.example").await;
        let before = db.load(holder, held, T0).await;
        let served = object(1, "gateway", "g", "shop.customer.example");
        db.store.record(&inventory(&before, vec![served.clone()], vec![], T0)).await.unwrap();
        let mut proven = write(&before, "active", T0);
        proven.proof_method = "txt".to_owned();
        db.store.write(&proven).await.unwrap();
        db.register(holder, "new.customer.example").await;

        let (tenant, id) = db.registered("shop.customer.example").await;
        // The holder's run has not noticed its rename yet: its claim is open and proven.
        assert!(claim(&db.load(tenant, id, T0).await).contended);
        assert!(!claim(&db.load(holder, held, T0 + SECOND).await).contended);
        // Its claim is closed now, but its objects still serve the host.
        assert!(claim(&db.load(tenant, id, T0 + SECOND).await).contended);
        let renamed = db.load(holder, held, T0 + 2 * SECOND).await;
        db.store.record(&inventory(&renamed, vec![], vec![served], T0 + 2 * SECOND)).await.unwrap();
        // They are gone, and the name is fenced for its last tenant until somebody proves it.
        let claimant = db.load(tenant, id, T0 + 3 * SECOND).await;
        assert!(claim(&claimant).contended);
        let mut proof = write(&claimant, "pending_certificate", T0 + 3 * SECOND);
        proof.proof_method = "txt".to_owned();
        assert_eq!(db.store.write(&proof).await.unwrap().outcome, "written");
        let after = db.load(tenant, id, T0 + 4 * SECOND).await;
        assert!(!claim(&after).contended);
        assert_eq!((claim(&after).proof_method.as_str(), claim(&after).proven_ms), ("txt", T0 + 3 * SECOND));
    })
    .await;
}

#[tokio::test]
async fn an_unproven_claim_does_not_contend_with_a_proven_one() {
    with_database(async |db: &Db| {
        let (a, a_id) = db.registered("one.customer.example").await;
        let loaded = db.load(a, a_id, T0).await;
        let mut proof = write(&loaded, "verifying_dns", T0);
        proof.proof_method = "txt".to_owned();
        db.store.write(&proof).await.unwrap();
        let (b, b_id) = db.registered("two.customer.example").await;
        db.load(b, b_id, T0).await;
        db.execute(&format!("UPDATE tenantry.claims SET host = 'one.customer.example' WHERE tenant = '{b}'")).await;
        assert!(!claim(&db.load(a, a_id, T0 + SECOND).await).contended);
        db.execute("UPDATE tenantry.claims SET proven_at = NULL, proof_method = NULL").await;
        assert!(claim(&db.load(a, a_id, T0 + SECOND).await).contended);
    })
    .await;
}

#[tokio::test]
async fn a_prefix_that_another_tenant_had_proves_nothing() {
    with_database(async |db: &Db| {
        let (a, a_id) = db.registered("one.customer.example").await;
        db.load(a, a_id, T0).await;
        db.execute("DELETE FROM portal_domains").await;
        let b = db.tenant().await;
        let registered = store::register(&db.app, b, "two.customer.example", &canonical(a)).await.unwrap();
        assert!(claim(&db.load(b, registered.portal_domain_id, T0).await).contended);
    })
    .await;
}

#[tokio::test]
async fn a_live_row_without_any_claim_is_adopted_once() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("live.customer.example").await;
        db.execute("UPDATE portal_domains SET status = 'active'").await;
        let adopted = db.load(tenant, id, T0).await;
        assert_eq!((claim(&adopted).proof_method.as_str(), claim(&adopted).proven_ms), ("adoption", T0));
        db.execute("UPDATE portal_domains SET domain = 'other.customer.example'").await;
        assert_eq!(claim(&db.load(tenant, id, T0).await).proof_method, "");
    })
    .await;
}

#[tokio::test]
async fn an_expired_claim_is_resumed_by_retry() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("slow.customer.example").await;
        db.load(tenant, id, T0).await;
        assert_eq!(claim(&db.load(tenant, id, T0 + 13 * DAY).await).opened_ms, T0);
        db.execute("UPDATE portal_domains SET status = 'dns_failed'").await;
        assert_eq!(claim(&db.load(tenant, id, T0 + 15 * DAY).await).opened_ms, T0);
        db.execute("UPDATE portal_domains SET status = 'pending_dns'").await;
        assert_eq!(claim(&db.load(tenant, id, T0 + 16 * DAY).await).opened_ms, T0 + 16 * DAY);
        assert_eq!(claim(&db.load(tenant, id, T0 + 17 * DAY).await).opened_ms, T0 + 16 * DAY);
    })
    .await;
}

#[tokio::test]
async fn host_rules_are_a_finding_and_a_bad_row_still_has_a_claim() {
    with_database(async |db: &Db| {
        for (host, reason) in [
            ("a..b.example", "HOST_INVALID"),
            ("x.psa.example", "HOST_RESERVED"),
            ("x.reserved.example", "HOST_RESERVED"),
            ("1.2.3.4", "HOST_INVALID"),
        ] {
            let (tenant, id) = db.registered(host).await;
            let loaded = db.load(tenant, id, T0).await;
            let policy = loaded.policy.as_ref().unwrap();
            assert_eq!((policy.state.as_str(), policy.reason.as_str()), ("blocked", reason), "{host}");
            assert_eq!(claim(&loaded).host, host);
        }
    })
    .await;
}

#[tokio::test]
async fn a_vanished_row_leaves_its_claim_and_its_objects() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        let gateway = object(1, "gateway", "g", "a.customer.example");
        db.store.record(&inventory(&loaded, vec![gateway.clone()], vec![], T0)).await.unwrap();
        db.execute(&format!("DELETE FROM tenants WHERE tenant = '{tenant}'")).await;
        let gone = db.load(tenant, id, T0 + MINUTE).await;
        assert!(gone.row.is_none() && gone.policy.is_none() && !gone.foreign);
        assert_eq!(claim(&gone).fence, claim(&loaded).fence);
        assert_eq!(gone.inventory, [gateway]);
        assert!(db.load(Uuid::new_v4(), id, T0).await.claim.is_none());
    })
    .await;
}
