//! `sweepRows`: pages, and what each row wants.

use crate::fixture::{DAY, Db, MINUTE, SECOND, T0, inventory, object, with_database, write};
use proto::v1 as wire;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Reads the whole fleet in pages of the given size: what each row wants, and which are watched.
async fn fleet(db: &Db, limit: u32, now_ms: i64) -> (BTreeMap<String, String>, Vec<wire::SweepDomain>) {
    let (mut wants, mut active, mut after) = (BTreeMap::new(), Vec::new(), String::new());
    loop {
        let request = wire::SweepRequest { now_ms, after_domain_id: after, limit, settled: false };
        let page = db.store.sweep(&request).await.unwrap();
        assert!(page.items.len() + page.active.len() <= limit as usize);
        for item in page.items {
            assert!(wants.insert(item.portal_domain_id, item.why).is_none());
        }
        active.extend(page.active);
        after = page.next_after_domain_id;
        if after.is_empty() {
            return (wants, active);
        }
    }
}

async fn wants(db: &Db, id: Uuid, now_ms: i64) -> String {
    fleet(db, 100, now_ms).await.0.remove(&id.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn each_row_says_what_it_wants() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        assert_eq!(wants(db, id, T0).await, "unannounced");
        db.load(tenant, id, T0).await;
        assert_eq!(wants(db, id, T0 + MINUTE).await, "");
        db.put_status(tenant, id, "verifying_dns", T0 + MINUTE).await;
        assert_eq!(wants(db, id, T0 + MINUTE).await, "", "our own write is no change");
        db.register(tenant, "a.customer.example").await;
        assert_eq!(wants(db, id, T0 + MINUTE).await, "changed");
        db.load(tenant, id, T0 + MINUTE).await;
        assert_eq!(wants(db, id, T0 + DAY).await, "");
        assert_eq!(wants(db, id, T0 + 2 * DAY).await, "unannounced", "nobody looked for longer than a run would wait");
        store::disable(&db.app, tenant).await.unwrap();
        assert_eq!(wants(db, id, T0 + MINUTE).await, "changed");
        db.load(tenant, id, T0 + MINUTE).await;
        assert_eq!(wants(db, id, T0 + 2 * MINUTE).await, "");
        assert_eq!(wants(db, id, T0 + 20 * MINUTE).await, "disabled_with_objects");
        db.execute("DELETE FROM portal_domains").await;
        assert_eq!(wants(db, id, T0 + 20 * MINUTE).await, "vanished");
        db.load(tenant, id, T0 + 20 * MINUTE).await;
        assert_eq!(wants(db, id, T0 + 21 * MINUTE).await, "", "its run knows");
        assert_eq!(wants(db, id, T0 + 40 * MINUTE).await, "vanished");
    })
    .await;
}

#[tokio::test]
async fn pages_cover_the_fleet_once_and_list_the_live_hosts() {
    with_database(async |db: &Db| {
        for n in 0..7 {
            let (tenant, id) = db.registered(&format!("h{n}.customer.example")).await;
            if n % 2 == 0 {
                let mut request = write(&db.load(tenant, id, T0).await, "active", T0 + SECOND);
                request.fingerprint_sha256 = format!("f{n}");
                request.certificate_secret_name = format!("s{n}");
                request.axes = vec![wire::AxisState {
                    axis: "edge".to_owned(),
                    state: "serving".to_owned(),
                    ..Default::default()
                }];
                db.store.write(&request).await.unwrap();
            }
        }
        let (gone, gone_id) = db.registered("gone.customer.example").await;
        db.load(gone, gone_id, T0).await;
        db.execute(&format!("DELETE FROM portal_domains WHERE id = '{gone_id}'")).await;
        for limit in [1, 2, 3, 100] {
            let (wants, active) = fleet(db, limit, T0 + MINUTE).await;
            assert_eq!(wants.values().filter(|why| *why == "unannounced").count(), 3, "pages of {limit}");
            assert_eq!(wants.get(&gone_id.to_string()).map(String::as_str), Some("vanished"));
            assert_eq!(active.len(), 4);
            for domain in &active {
                let n = domain.host.trim_start_matches('h').split('.').next().unwrap();
                assert_eq!(
                    (domain.fingerprint_sha256.clone(), domain.secret_name.clone()),
                    (format!("f{n}"), format!("s{n}"))
                );
                assert!(!domain.probe_nonce.is_empty());
                assert_eq!((domain.edge_state.as_str(), domain.edge_reason.as_str()), ("serving", ""));
            }
        }
        // An empty fingerprint keeps the stored one.
        let first = &fleet(db, 100, T0 + MINUTE).await.1[0];
        let (tenant, id) = (first.tenant_id.parse().unwrap(), first.portal_domain_id.parse().unwrap());
        db.put_status(tenant, id, "active", T0 + MINUTE).await;
        let again = fleet(db, 100, T0 + MINUTE).await.1;
        assert_eq!(again[0].fingerprint_sha256, first.fingerprint_sha256);
    })
    .await;
}

#[tokio::test]
async fn hosts_that_a_change_left_are_kept_until_they_are_removed() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        for (generation, host) in [(1, "a.customer.example"), (2, "b.customer.example"), (3, "c.customer.example")] {
            db.register(tenant, host).await;
            let loaded = db.load(tenant, id, T0).await;
            if generation < 3 {
                let copy = object(generation, "secret_copy", &format!("s{generation}"), host);
                db.store.record(&inventory(&loaded, vec![copy], vec![], T0)).await.unwrap();
            }
        }
        let kept = async |settled| {
            let request = wire::SweepRequest { now_ms: T0 + 3 * MINUTE, limit: 10, settled, ..Default::default() };
            db.store.sweep(&request).await.unwrap()
        };
        let page = kept(false).await;
        let hosts: Vec<&str> = page.kept.iter().map(|kept| kept.host.as_str()).collect();
        assert_eq!(hosts, ["a.customer.example", "b.customer.example"]);
        assert!(page.kept.iter().all(|kept| kept.fence > 0 && kept.secret_name.starts_with('s')));
        assert!(page.settled.is_empty());
        assert_eq!(kept(true).await.settled.len(), 1, "a row that wants nothing, two minutes after its claim");
        store::disable(&db.app, tenant).await.unwrap();
        assert!(kept(false).await.kept.is_empty(), "a removal is under way");
    })
    .await;
}

#[tokio::test]
async fn a_version_of_any_instant_is_compared() {
    with_database(async |db: &Db| {
        for version in ["infinity", "3000-01-01 00:00:00.123457", "1950-01-01 00:00:00.5", "-infinity"] {
            let (tenant, id) = db.registered("far.customer.example").await;
            db.load(tenant, id, T0).await;
            db.execute(&format!("UPDATE portal_domains SET updated_at = '{version}' WHERE id = '{id}'")).await;
            let written = db.put_status(tenant, id, "verifying_dns", T0 + SECOND).await;
            assert_eq!(written.outcome, "written", "{version}");
            db.load(tenant, id, T0 + MINUTE).await;
            assert_eq!(wants(db, id, T0 + MINUTE).await, "", "{version}");
            db.execute("DELETE FROM portal_domains").await;
        }
    })
    .await;
}
