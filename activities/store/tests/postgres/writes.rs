//! `writeStatus`: compare-and-set, merge, clocks, observations and history.

use crate::fixture::{Db, MINUTE, SECOND, T0, canonical, inventory, object, with_database, write};
use proto::v1 as wire;
use store::STORE_REJECTED;

fn axis(axis: &str, state: &str, reason: &str) -> wire::AxisState {
    wire::AxisState {
        axis: axis.to_owned(),
        state: state.to_owned(),
        reason: reason.to_owned(),
        observed_generation: 1,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_write_needs_the_row_that_was_read() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        let first = db.store.write(&write(&loaded, "verifying_dns", T0)).await.unwrap();
        assert_eq!(first.outcome, "written");
        let stale = db.store.write(&write(&loaded, "dns_failed", T0 + SECOND)).await.unwrap();
        assert_eq!((stale.outcome.as_str(), stale.updated_us), ("stale", first.updated_us));
        let again = db.load(tenant, id, T0).await;
        assert_eq!(again.row.as_ref().unwrap().updated_us, first.updated_us);
        db.register(tenant, "a.customer.example").await;
        assert_eq!(db.store.write(&write(&again, "active", T0 + SECOND)).await.unwrap().outcome, "stale");
        db.execute("DELETE FROM portal_domains").await;
        assert_eq!(db.store.write(&write(&again, "active", T0 + SECOND)).await.unwrap().outcome, "gone");
    })
    .await;
}

#[tokio::test]
async fn of_two_writes_at_once_one_wins() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        let statuses = ["verifying_dns", "dns_failed", "pending_certificate", "deploying"];
        let writes = statuses.map(|status| write(&loaded, status, T0 + SECOND));
        let replies = futures::future::join_all(writes.iter().map(|request| db.store.write(request))).await;
        let written = replies.iter().filter(|reply| reply.as_ref().unwrap().outcome == "written").count();
        assert_eq!(written, 1);
        assert_eq!(db.value("SELECT count(*) FROM tenantry.history WHERE event = 'status'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn disabled_wins_over_every_write() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let before = db.load(tenant, id, T0).await;
        assert_eq!(store::disable(&db.app, tenant).await.unwrap(), Some(id));
        assert_eq!(db.store.write(&write(&before, "active", T0)).await.unwrap().outcome, "stale");
        let disabled = db.load(tenant, id, T0 + SECOND).await;
        assert_eq!(db.store.write(&write(&disabled, "active", T0 + SECOND)).await.unwrap().outcome, "stale");
        assert_eq!(db.value("SELECT status FROM portal_domains").await, "disabled");
        let forbidden = db.store.write(&write(&before, "disabled", T0)).await.unwrap_err();
        assert_eq!(forbidden.type_name(), STORE_REJECTED);
    })
    .await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_gives_it_again() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let request = write(&db.load(tenant, id, T0).await, "verifying_dns", T0);
        let first = db.store.write(&request).await.unwrap();
        assert_eq!(db.store.write(&request).await.unwrap(), first);
        assert_eq!(db.value("SELECT count(*) FROM tenantry.history WHERE event = 'status'").await, "1");
    })
    .await;
}

#[tokio::test]
async fn null_and_fractions_of_a_millisecond_are_versions_too() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.execute("UPDATE portal_domains SET updated_at = NULL, status_message = NULL, last_checked_at = NULL").await;
        let loaded = db.load(tenant, id, T0).await;
        let row = loaded.row.as_ref().unwrap();
        assert_eq!((row.updated_us, row.last_checked_ms), (-1, 0));
        assert_eq!(db.store.write(&write(&loaded, "verifying_dns", T0)).await.unwrap().updated_us, T0 * 1000);
        db.execute("UPDATE portal_domains SET updated_at = '2031-05-06 07:08:09.123457+00'").await;
        let loaded = db.load(tenant, id, T0).await;
        let base = loaded.row.as_ref().unwrap().updated_us;
        assert_eq!(base % 1_000_000, 123_457);
        // The row's clock is ahead of ours: the version still grows.
        let reply = db.store.write(&write(&loaded, "dns_failed", T0)).await.unwrap();
        assert_eq!((reply.outcome.as_str(), reply.updated_us), ("written", base + 1));
    })
    .await;
}

#[tokio::test]
async fn details_are_merged_key_by_key() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.execute("UPDATE portal_domains SET verification_details = verification_details || '{\"health\": {\"old\": 1}, \"foreign\": [1]}'").await;
        let mut request = write(&db.load(tenant, id, T0).await, "verifying_dns", T0);
        request.details.insert("last_observed_cname".to_owned(), "\"x.example\"".to_owned());
        request.details.insert("health".to_owned(), "{\"v\":1}".to_owned());
        request.certificate_secret_name = "portal-domain-x".to_owned();
        request.status_message = "ä".repeat(2000);
        // The application writes its own keys meanwhile; its `updated_at` stays, as a plain script would do.
        db.execute("UPDATE portal_domains SET verification_details = verification_details || '{\"requested_domain\": \"changed\"}'").await;
        assert_eq!(db.store.write(&request).await.unwrap().outcome, "written");
        let value = |key| db.value(key);
        assert_eq!(value("SELECT verification_details -> 'health' FROM portal_domains").await, "{\"v\": 1}");
        assert_eq!(value("SELECT verification_details -> 'foreign' FROM portal_domains").await, "[1]");
        assert_eq!(value("SELECT verification_details ->> 'requested_domain' FROM portal_domains").await, "changed");
        assert_eq!(value("SELECT verification_details ->> 'last_observed_cname' FROM portal_domains").await, "x.example");
        assert_eq!(value("SELECT certificate_secret_name FROM portal_domains").await, "portal-domain-x");
        assert_eq!(value("SELECT length(status_message) FROM portal_domains").await, "1024");
        let next = write(&db.load(tenant, id, T0).await, "verifying_dns", T0 + SECOND);
        db.execute("UPDATE portal_domains SET verification_details = '[]'").await;
        assert_eq!(db.store.write(&next).await.unwrap().outcome, "written");
        assert_eq!(value("SELECT verification_details FROM portal_domains").await, "{}");
        assert_eq!(value("SELECT certificate_secret_name FROM portal_domains").await, "NULL");
    })
    .await;
}

#[tokio::test]
async fn last_checked_moves_once_a_minute_or_with_the_status() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let checked = async || db.load(tenant, id, T0).await.row.unwrap().last_checked_ms;
        let put = async |status: &str, looked: bool, at: i64| {
            let mut request = write(&db.load(tenant, id, at).await, status, at);
            request.looked = looked;
            assert_eq!(db.store.write(&request).await.unwrap().outcome, "written");
        };
        put("verifying_dns", true, T0).await;
        assert_eq!(checked().await, T0);
        put("verifying_dns", true, T0 + 59 * SECOND).await;
        assert_eq!(checked().await, T0);
        put("verifying_dns", true, T0 + MINUTE).await;
        assert_eq!(checked().await, T0 + MINUTE);
        put("dns_failed", true, T0 + MINUTE + SECOND).await;
        assert_eq!(checked().await, T0 + MINUTE + SECOND);
        put("verifying_dns", false, T0 + 5 * MINUTE).await;
        assert_eq!(checked().await, T0 + MINUTE + SECOND);
    })
    .await;
}

#[tokio::test]
async fn observations_keep_the_latest_and_log_the_changes() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let mut at = T0;
        for (state, reason) in [("absent", "DNS_NO_RECORDS"), ("absent", "DNS_NO_RECORDS"), ("correct", "")] {
            at += MINUTE;
            let mut request = write(&db.load(tenant, id, at).await, "verifying_dns", at);
            request.axes = vec![axis("dns", state, reason), axis("policy", "allowed", "")];
            request.reason = reason.to_owned();
            db.store.write(&request).await.unwrap();
        }
        let latest = "SELECT string_agg(axis || '=' || state || ':' || generation, ' ' ORDER BY axis) FROM tenantry.observations";
        assert_eq!(db.value(latest).await, "dns=correct:1 policy=allowed:1");
        let log = "SELECT string_agg(axis || '=' || state, ' ' ORDER BY id) FROM tenantry.observation_log WHERE axis = 'dns'";
        assert_eq!(db.value(log).await, "dns=absent dns=correct");
        let history = store::history(&db.worker, tenant, 100).await.unwrap();
        let entries: Vec<_> = history.iter().map(|e| (e.event.as_str(), e.status.as_str(), e.reason.as_str())).collect();
        assert_eq!(
            entries,
            [
                ("claimed", "pending_dns", ""),
                ("status", "verifying_dns", "DNS_NO_RECORDS"),
                ("status", "verifying_dns", "")
            ]
        );
        assert_eq!(history[1].worker_build, "test-build");
        let detail = store::domain_status(&db.worker, tenant).await.unwrap().unwrap();
        assert_eq!(detail.axes.len(), 2);
        assert_eq!(detail.row.unwrap().status, "verifying_dns");
    })
    .await;
}

#[tokio::test]
async fn an_older_fence_and_an_older_generation_count_for_nothing() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        let old = db.load(tenant, id, T0).await;
        db.execute("UPDATE portal_domains SET verification_details = '{\"expected_cname\": \"b.portal.psa.example\"}'")
            .await;
        let new = db.load(tenant, id, T0).await;
        assert_eq!(db.store.write(&write(&old, "active", T0)).await.unwrap().outcome, "stale");
        let mut late = write(&new, "verifying_dns", T0);
        late.generation = old.claim.as_ref().unwrap().generation;
        late.proof_method = "txt".to_owned();
        assert_eq!(db.store.write(&late).await.unwrap().outcome, "written");
        assert_eq!(db.load(tenant, id, T0).await.claim.unwrap().proof_method, "");
    })
    .await;
}

#[tokio::test]
async fn registering_acts_as_the_web_application() {
    with_database(async |db: &Db| {
        let (tenant, id) = db.registered("a.customer.example").await;
        db.put_status(tenant, id, "active", T0).await;
        db.execute("UPDATE portal_domains SET certificate_secret_name = 's', last_synced_resource_version = '1', created_at = '2026-01-01'").await;
        let canonical = crate::fixture::canonical(tenant);
        let same = store::register(&db.app, tenant, " A.customer.example", &canonical).await.unwrap();
        assert_eq!((same.trigger, same.portal_domain_id), ("register", id));
        let changed = store::register(&db.app, tenant, "b.customer.example", &canonical).await.unwrap();
        assert_eq!((changed.trigger, changed.portal_domain_id), ("refresh", id));
        let row = "SELECT concat_ws(' ', status, certificate_secret_name, last_synced_resource_version, created_at::date,
            verification_details ->> 'previous_domain', verification_details ->> 'requested_domain') FROM portal_domains";
        assert_eq!(db.value(row).await, "pending_dns 2026-01-01 a.customer.example b.customer.example");
        let other = db.tenant().await;
        let taken = store::register(&db.app, other, "B.customer.example", &crate::fixture::canonical(other)).await;
        assert!(matches!(taken, Err(store::RegisterError::Taken)), "{taken:?}");
        let nobody = store::register(&db.app, uuid::Uuid::new_v4(), "c.customer.example", "x.portal.psa.example").await;
        assert!(matches!(nobody, Err(store::RegisterError::NoTenant(_))), "{nobody:?}");
        assert!(store::register(&db.worker, tenant, "d.customer.example", &canonical).await.is_err());
        let filter = store::ListFilter { status: "pending_dns".to_owned(), limit: 10, ..Default::default() };
        assert_eq!(store::list_domains(&db.worker, &filter).await.unwrap().len(), 1);
        assert_eq!(store::disable(&db.app, other).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn no_transaction_outlives_its_answer() {
    with_database(async |db: &Db| {
        let check = async |what: &str| {
            let open =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend' AND xact_start IS NOT NULL";
            assert_eq!(db.value(open).await, "0", "{what}");
        };
        let (tenant, id) = db.registered("a.customer.example").await;
        let (other, other_id) = db.registered("b.customer.example").await;
        let loaded = db.load(tenant, id, T0).await;
        assert!(db.load(tenant, other_id, T0).await.foreign);
        check("another tenant's id").await;

        let mut late = write(&loaded, "verifying_dns", T0);
        late.base.as_mut().unwrap().updated_us -= 1;
        assert_eq!(db.store.write(&late).await.unwrap().outcome, "stale");
        check("a write on a row that changed").await;

        let objects = vec![object(1, "gateway", "g", "a.customer.example")];
        let mut request = inventory(&loaded, objects, vec![], T0);
        request.wanted_domain = "another.customer.example".to_owned();
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "stale");
        check("objects for a host that is no longer asked for").await;
        request.fence = 0;
        assert_eq!(db.store.record(&request).await.unwrap().outcome, "fenced");
        check("objects of an old fence").await;

        let delete = wire::DeleteRowRequest { base: loaded.row, now_ms: T0, expired: false };
        assert_eq!(db.store.delete(&delete).await.unwrap().outcome, "stale");
        check("a delete of a live row").await;

        let token = |host: &str| wire::SavePreflightTokenRequest {
            host: host.to_owned(),
            expires_ms: T0,
            idempotency_key: "one".to_owned(),
            ..Default::default()
        };
        db.store.save_token(&token("a.customer.example")).await.unwrap();
        assert!(db.store.save_token(&token("b.customer.example")).await.is_err());
        check("a key of another host").await;

        assert!(store::register(&db.app, other, "a.customer.example", &canonical(other)).await.is_err());
        check("a host that another tenant has").await;
    })
    .await;
}
