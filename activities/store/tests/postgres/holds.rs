//! The hold of all removals, and the counts.

use crate::fixture::{Db, MINUTE, SECOND, T0, with_database};
use uuid::Uuid;

async fn vanish(db: &Db, count: usize) -> Vec<(Uuid, Uuid)> {
    let mut gone = Vec::new();
    for n in 0..count {
        let (tenant, id) = db.registered(&format!("gone{n}.customer.example")).await;
        db.load(tenant, id, T0).await;
        gone.push((tenant, id));
    }
    db.execute("DELETE FROM portal_domains WHERE domain LIKE 'gone%'").await;
    gone
}

#[tokio::test]
async fn a_wave_of_vanished_rows_holds_every_removal_until_somebody_releases_it() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("stays.customer.example").await;
        db.load(tenant, id, T0).await;
        let gone = vanish(db, 3).await;
        store::disable(&db.app, tenant).await.unwrap();
        for (at, (tenant, id)) in gone[..2].iter().enumerate() {
            let loaded = db.load(*tenant, *id, T0 + at as i64 * SECOND).await;
            assert_eq!(loaded.removals_held_since_ms, 0, "two rows are no wave");
        }
        assert_eq!(db.load(tenant, id, T0 + 2 * SECOND).await.removals_held_since_ms, 0);
        let third = db.load(gone[2].0, gone[2].1, T0 + 3 * SECOND).await;
        assert_eq!(third.removals_held_since_ms, T0 + 3 * SECOND);
        let ordered = db.load(tenant, id, T0 + 90 * MINUTE).await;
        assert_eq!(
            ordered.removals_held_since_ms,
            T0 + 3 * SECOND,
            "an ordered removal waits, too, and time releases nothing"
        );

        assert!(store::release_removals(&db.worker, "op", "they left", T0 + 91 * MINUTE).await.unwrap());
        assert!(!store::release_removals(&db.worker, "op", "again", T0 + 91 * MINUTE).await.unwrap());
        assert_eq!(db.load(tenant, id, T0 + 92 * MINUTE).await.removals_held_since_ms, 0);
        assert_eq!(db.load(gone[0].0, gone[0].1, T0 + 92 * MINUTE).await.removals_held_since_ms, 0);
        let holds = store::removal_holds(&db.worker, 10).await.unwrap();
        assert!(holds.len() == 1 && holds[0].vanished == 3 && holds[0].released_by == "op", "{holds:?}");
    })
    .await;
}

#[tokio::test]
async fn a_live_row_is_loaded_without_the_question() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("stays.customer.example").await;
        for (tenant, id) in vanish(db, 3).await {
            db.load(tenant, id, T0).await;
        }
        assert_eq!(db.load(tenant, id, T0).await.removals_held_since_ms, 0);
    })
    .await;
}

#[tokio::test]
async fn domains_are_counted_by_status_and_reason() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.registered("b.customer.example").await;
        db.put_status(tenant, id, "verifying_dns", T0).await;
        let census = store::census(&db.worker).await.unwrap();
        let mut statuses = census.statuses.clone();
        statuses.sort();
        assert_eq!(statuses, [("pending_dns".to_owned(), 1), ("verifying_dns".to_owned(), 1)]);
        assert!(census.reasons.iter().all(|(_, reason, domains)| !reason.is_empty() && *domains == 1), "{census:?}");
    })
    .await;
}
