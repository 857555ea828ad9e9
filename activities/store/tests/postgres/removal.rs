//! `recordInventory` and `deleteRow`.

use crate::fixture::{Db, MINUTE, SECOND, T0, inventory, object, with_database, write};
use proto::v1 as wire;

fn delete(row: &wire::PortalDomainRow, now_ms: i64) -> wire::DeleteRowRequest {
    wire::DeleteRowRequest { base: Some(row.clone()), now_ms, expired: false }
}

#[tokio::test]
async fn an_inventory_is_written_under_the_newest_fence_only() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let old = db.load(tenant, id, T0).await;
        let gateway = object(1, "gateway", "g", "a.customer.example");
        let request = inventory(&old, vec![gateway.clone(), gateway.clone()], vec![], T0);
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "recorded");
        let mut seen = gateway.clone();
        seen.uid = "u1".to_owned();
        db.store.record(&inventory(&old, vec![seen.clone()], vec![], T0)).await.unwrap();
        db.store.record(&request).await.unwrap();
        assert_eq!(db.load(tenant, id, T0).await.inventory, [seen.clone()]);

        db.register(tenant, "b.customer.example").await;
        let new = db.load(tenant, id, T0).await;
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "fenced");
        let removal = inventory(&new, vec![], vec![seen], T0 + SECOND);
        assert_eq!(db.store.record(&removal).await.unwrap().outcome, "recorded");
        assert_eq!(db.store.record(&removal).await.unwrap().outcome, "recorded");
        assert!(db.load(tenant, id, T0).await.inventory.is_empty());
        // A late repetition of the first record does not bring a removed object back.
        let late = inventory(&new, vec![gateway.clone()], vec![], T0);
        db.store.record(&late).await.unwrap();
        assert!(db.load(tenant, id, T0).await.inventory.is_empty());
        db.store.record(&inventory(&new, vec![gateway], vec![], T0 + 2 * SECOND)).await.unwrap();
        assert_eq!(db.load(tenant, id, T0).await.inventory.len(), 1);
        let nobody = wire::RecordInventoryRequest { portal_domain_id: uuid::Uuid::new_v4().to_string(), ..late };
        assert_eq!(db.store.record(&nobody).await.unwrap().outcome, "fenced");
    })
    .await;
}

#[tokio::test]
async fn a_row_is_deleted_only_while_disabled_unchanged_and_clean() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.execute(&format!(
            "INSERT INTO users (tenant, username, email, hashed_password) VALUES ('{tenant}', 'u', 'u@customer.example', '-');
             INSERT INTO portal_domain_session_otts (tenant, portal_domain_id, user_id, token_hash, expires_at)
             SELECT '{tenant}', '{id}', user_id, 'h', now() FROM users"
        ))
        .await;
        let live = db.load(tenant, id, T0).await;
        let gateway = object(1, "gateway", "g", "a.customer.example");
        db.store.record(&inventory(&live, vec![gateway.clone()], vec![], T0)).await.unwrap();
        let reply = db.store.delete(&delete(live.row.as_ref().unwrap(), T0)).await.unwrap();
        assert_eq!(reply.outcome, "stale");

        store::disable(&db.app, tenant).await.unwrap();
        let disabled = db.load(tenant, id, T0 + SECOND).await;
        let request = delete(disabled.row.as_ref().unwrap(), T0 + SECOND);
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "stale", "an object is left");
        db.store.record(&inventory(&disabled, vec![], vec![gateway], T0 + SECOND)).await.unwrap();

        // Registered again and disabled again: the version that was verified is not this one.
        db.register(tenant, "a.customer.example").await;
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "stale", "registered again");
        store::disable(&db.app, tenant).await.unwrap();
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "stale", "disabled again");

        let verified = db.load(tenant, id, T0 + 2 * SECOND).await;
        let request = delete(verified.row.as_ref().unwrap(), T0 + 2 * SECOND);
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "deleted");
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "deleted", "the answer was lost");
        for table in ["portal_domains", "portal_domain_session_otts"] {
            assert_eq!(db.value(&format!("SELECT count(*) FROM {table}")).await, "0");
        }
        assert_eq!(db.value("SELECT closed_reason FROM tenantry.claims").await, "removed");
        assert_eq!(db.value("SELECT host FROM tenantry.tombstones").await, "a.customer.example");
        assert_eq!(db.value("SELECT count(*) FROM tenantry.history WHERE event = 'removed'").await, "1");
        let again = object(1, "gateway", "g", "a.customer.example");
        let late = inventory(&verified, vec![again], vec![], T0 + 3 * SECOND);
        let outcome = db.store.record(&late).await.unwrap().outcome;
        assert_eq!(outcome, "fenced", "nothing is created for a removed domain");
    })
    .await;
}

#[tokio::test]
async fn the_last_tenant_comes_back_and_another_one_needs_a_proof() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let mut proof = write(&db.load(tenant, id, T0).await, "verifying_dns", T0);
        proof.proof_method = "canonical_host".to_owned();
        db.store.write(&proof).await.unwrap();
        store::disable(&db.app, tenant).await.unwrap();
        let row = db.load(tenant, id, T0).await.row.unwrap();
        assert_eq!(db.store.delete(&delete(&row, T0)).await.unwrap().outcome, "deleted");
        let (other, other_id) = db.registered("a.customer.example").await;
        assert!(db.load(other, other_id, T0).await.claim.unwrap().contended);
        db.execute("DELETE FROM portal_domains").await;
        let back = db.register(tenant, "a.customer.example").await;
        let loaded = db.load(tenant, back, T0 + SECOND).await.claim.unwrap();
        assert_eq!(loaded.generation, 2);
        assert_eq!(db.value("SELECT released_reason FROM tenantry.tombstones").await, "returned");
    })
    .await;
}

#[tokio::test]
async fn a_vanished_row_is_buried_when_its_objects_are_gone() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        let gateway = object(1, "gateway", "g", "a.customer.example");
        db.store.record(&inventory(&loaded, vec![gateway.clone()], vec![], T0)).await.unwrap();
        db.execute("DELETE FROM portal_domains").await;
        let request = delete(loaded.row.as_ref().unwrap(), T0 + SECOND);
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "stale");
        db.store.record(&inventory(&loaded, vec![], vec![gateway], T0 + SECOND)).await.unwrap();
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "gone");
        assert_eq!(db.store.delete(&request).await.unwrap().outcome, "gone");
        assert_eq!(db.value("SELECT closed_reason FROM tenantry.claims").await, "vanished");
        assert_eq!(db.value("SELECT count(*) FROM tenantry.tombstones").await, "1");
        assert!(db.load(tenant, id, T0 + SECOND).await.claim.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_name_that_was_only_asked_for_is_free_again() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.load(tenant, id, T0).await;
        store::disable(&db.app, tenant).await.unwrap();
        let row = db.load(tenant, id, T0).await.row.unwrap();
        assert_eq!(db.store.delete(&delete(&row, T0)).await.unwrap().outcome, "deleted");
        let (other, other_id) = db.registered("a.customer.example").await;
        assert!(!db.load(other, other_id, T0).await.claim.unwrap().contended);
    })
    .await;
}

#[tokio::test]
async fn a_vanished_claim_that_owns_nothing_is_closed_at_the_second_look() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let before = db.load(tenant, id, T0).await;
        db.execute("DELETE FROM portal_domains").await;
        assert!(db.load(tenant, id, T0).await.claim.is_some());
        assert_eq!(db.load(tenant, id, T0 + 9 * MINUTE).await.claim, before.claim);
        assert!(db.load(tenant, id, T0 + 10 * MINUTE).await.claim.is_none());
        assert_eq!(db.value("SELECT closed_reason FROM tenantry.claims").await, "vanished");
        let request = wire::SweepRequest { now_ms: T0 + 60 * MINUTE, limit: 10, ..Default::default() };
        assert!(db.store.sweep(&request).await.unwrap().items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn objects_are_recorded_only_for_the_host_that_the_row_asks_for() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        let mut request = inventory(&loaded, vec![object(1, "gateway", "g", "a.customer.example")], vec![], T0);
        request.wanted_domain = "b.customer.example".to_owned();
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "stale");
        request.wanted_domain = "a.customer.example".to_owned();
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "recorded");
        store::disable(&db.app, tenant).await.unwrap();
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "stale");
    })
    .await;
}

#[tokio::test]
async fn the_row_of_an_expired_claim_goes_after_44_days_unless_the_tenant_asked_again() {
    with_database(async |db: &Db| {
        const DAY: i64 = 24 * 60 * MINUTE;
        let expired = |record: &wire::DomainRecord, now_ms| wire::DeleteRowRequest {
            expired: true,
            ..delete(record.row.as_ref().unwrap(), now_ms)
        };
        let (tenant, id) = db.registered("late.customer.example").await;
        db.load(tenant, id, T0).await;
        db.put_status(tenant, id, "dns_failed", T0 + 14 * DAY).await;
        let failed = db.load(tenant, id, T0 + 20 * DAY).await;
        let early = db.store.delete(&expired(&failed, T0 + 44 * DAY - SECOND)).await.unwrap();
        assert_eq!(early.outcome, "stale", "the tenant's settings are kept for 30 days");

        // Retry starts the 14 days anew; what was decided before it is refused.
        db.execute(&format!("UPDATE portal_domains SET status = 'pending_dns', updated_at = now() WHERE id = '{id}'"))
            .await;
        let resumed = db.load(tenant, id, T0 + 40 * DAY).await;
        assert_eq!(db.store.delete(&expired(&failed, T0 + 44 * DAY)).await.unwrap().outcome, "stale");
        assert_eq!(db.store.delete(&expired(&resumed, T0 + 44 * DAY)).await.unwrap().outcome, "stale");

        db.put_status(tenant, id, "dns_failed", T0 + 41 * DAY).await;
        let end = T0 + 84 * DAY;
        let last = db.load(tenant, id, end).await;
        let gateway = object(1, "gateway", "g", "late.customer.example");
        db.store.record(&inventory(&last, vec![gateway.clone()], vec![], end)).await.unwrap();
        assert_eq!(db.store.delete(&expired(&last, end)).await.unwrap().outcome, "stale", "it owns something");
        db.store.record(&inventory(&last, vec![], vec![gateway], end + SECOND)).await.unwrap();
        assert_eq!(db.store.delete(&expired(&last, end)).await.unwrap().outcome, "deleted");
        assert_eq!(db.store.delete(&expired(&last, end)).await.unwrap().outcome, "deleted", "a repetition");
        assert_eq!(db.value("SELECT count(*) FROM portal_domains").await, "0");
        assert_eq!(db.value("SELECT closed_reason FROM tenantry.claims").await, "expired");
        assert_eq!(db.value("SELECT count(*) FROM tenantry.history WHERE event = 'expired'").await, "1");
    })
    .await;
}
