//! What is read and written.

use crate::fixture::{Db, Memory, with_database};
use appliance::code::FailureCode;
use appliance::ids::{ApplianceId, RedemptionId, create_appliance_id};
use appliance::installation::{CheckedIn, Grant, Installation as _, Installed};
use appliance::state::{DatabaseState, Record, Redemption, RedemptionState as _, Stage, StateError};
use appliance::wire::{PaidAnswer, RegisterAnswer};
use credentials::KeyFile;
use model::license::edition::Edition;
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use uuid::Uuid;

const TENANT: Uuid = Uuid::from_u128(7);

fn installed(db: &Db) -> Installed {
    Installed::new(db.worker.clone(), Arc::new(Memory::default()))
}

async fn one_row(db: &Db) {
    db.execute("INSERT INTO license_state (trial_started_at) VALUES ('2026-01-01Z')").await;
    db.execute(&format!("INSERT INTO tenants (tenant) VALUES ('{TENANT}')")).await;
}

fn answer(token: &str) -> RegisterAnswer {
    let paid = PaidAnswer {
        credential: "0a".repeat(32).into(),
        token: token.into(),
        check_in_url: "https://own.example/check-in".to_owned(),
    };
    RegisterAnswer { tenant: TENANT, edition: Edition::Pro, paid: Some(paid) }
}

async fn granted(home: &Installed, token: &str) {
    let id = ApplianceId::parse("appliance-1").unwrap();
    let answer = answer(token);
    let grant = Grant { appliance_id: &id, answer: &answer, highest: 1_000 };
    home.grant_in_database(&grant).await.unwrap();
    home.grant_in_secrets(&grant).await.unwrap();
}

fn check_in(previous: &str, token: Option<&str>, highest: i64) -> CheckedIn {
    CheckedIn {
        credential: "0a".repeat(32).into(),
        previous: Some(previous.into()),
        token: token.map(Into::into),
        at: 1_767_225_600,
        highest,
        keyset: token.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_grant_is_read_back_and_leaves_the_trial_alone() {
    with_database(async |db| {
        one_row(db).await;
        let home = installed(db);
        let before = home.standing().await.unwrap();
        assert_eq!((before.tenant, before.appliance_id, before.highest), (Some(TENANT), None, 0));
        granted(&home, "a.b.c").await;
        let standing = home.standing().await.unwrap();
        assert_eq!(standing.appliance_id.unwrap().as_str(), "appliance-1");
        assert_eq!(standing.token.unwrap().expose_secret(), "a.b.c");
        assert_eq!(standing.credential.unwrap().expose_secret(), "0a".repeat(32));
        assert_eq!((standing.check_in_url.as_deref(), standing.highest), (Some("https://own.example/check-in"), 1_000));
        let kept = "SELECT edition_choice || ' ' || (trial_started_at = '2026-01-01Z') FROM license_state";
        assert_eq!(db.value(kept).await, "ee true");
    })
    .await;
}

#[tokio::test]
async fn a_check_in_moves_all_or_nothing() {
    with_database(async |db| {
        one_row(db).await;
        let home = installed(db);
        granted(&home, "a.b.c").await;
        let error = home.checked_in(&check_in("x.y.z", Some("d.e.f"), 5)).await.unwrap_err();
        assert_eq!(error.code(), FailureCode::StateBusy);
        let mut other = check_in("a.b.c", Some("d.e.f"), 5);
        other.credential = "0b".repeat(32).into();
        assert_eq!(home.checked_in(&other).await.unwrap_err().code(), FailureCode::StateBusy);
        assert_eq!(db.value("SELECT last_checkin_at FROM license_state").await, "NULL");
        home.checked_in(&check_in("a.b.c", Some("d.e.f"), 5)).await.unwrap();
        let standing = home.standing().await.unwrap();
        assert_eq!(standing.token.unwrap().expose_secret(), "d.e.f");
        assert_eq!((standing.highest, standing.keyset.as_deref()), (5, Some("d.e.f")), "a check-in may lower the time");
        let at = "SELECT last_checkin_at = '2026-01-01Z' FROM license_state";
        assert_eq!(db.value(at).await, "true");
        home.checked_in(&check_in("d.e.f", None, 6)).await.unwrap();
        assert_eq!(home.standing().await.unwrap().token.unwrap().expose_secret(), "d.e.f");
        home.remember_time(4).await.unwrap();
        assert_eq!(home.standing().await.unwrap().highest, 6, "nothing else lowers it");
        home.set_time(3).await.unwrap();
        assert_eq!(home.standing().await.unwrap().highest, 3, "but a fresh licence that shows that it ran ahead");
    })
    .await;
}

#[tokio::test]
async fn none_or_two_rows_stop_everything() {
    with_database(async |db| {
        let home = installed(db);
        for setup in [
            "SELECT 1",
            "INSERT INTO license_state DEFAULT VALUES; INSERT INTO license_state DEFAULT VALUES",
            "DELETE FROM license_state; INSERT INTO license_state DEFAULT VALUES; INSERT INTO tenants VALUES
             ('11111111-1111-4111-8111-111111111111'), ('22222222-1111-4111-8111-111111111111')",
        ] {
            db.execute(setup).await;
            let rows = db.value("SELECT string_agg(l::text, ';' ORDER BY id) FROM license_state l").await;
            assert_eq!(home.standing().await.unwrap_err().code(), FailureCode::NotSelfHost, "{setup}");
            if !setup.starts_with("DELETE") {
                let error = home.apply(&"a.b.c".into(), 1).await.unwrap_err();
                assert_eq!(error.code(), FailureCode::NotSelfHost, "{setup}");
                let change = check_in("a.b.c", Some("d.e.f"), 5);
                assert_eq!(home.checked_in(&change).await.unwrap_err().code(), FailureCode::NotSelfHost);
            }
            let after = db.value("SELECT string_agg(l::text, ';' ORDER BY id) FROM license_state l").await;
            assert_eq!(after, rows, "{setup}");
        }
        assert_eq!(db.value("SELECT count(*) FROM tenantry.license_clock").await, "0");
    })
    .await;
}

#[tokio::test]
async fn the_database_comes_first_and_the_secret_may_follow_later() {
    with_database(async |db| {
        one_row(db).await;
        let away = Installed::new(db.worker.clone(), Arc::new(Memory { away: true, ..Memory::default() }));
        let error = away.apply(&"a.b.c".into(), 1).await.unwrap_err();
        assert_eq!(error.code(), FailureCode::ClusterUnavailable);
        assert_eq!(db.value("SELECT license_token FROM license_state").await, "a.b.c");
        let secrets = Arc::new(Memory::default());
        let home = Installed::new(db.worker.clone(), Arc::clone(&secrets) as _);
        home.apply(&"a.b.c".into(), 1).await.unwrap();
        assert!(secrets.fields.lock().unwrap().contains(&("LICENSE_TOKEN", "a.b.c".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn the_workers_role_makes_and_deletes_no_row() {
    with_database(async |db| {
        one_row(db).await;
        for text in
            ["DELETE FROM license_state", "INSERT INTO license_state DEFAULT VALUES", "SELECT client_name FROM tenants"]
        {
            let error = sqlx::raw_sql(text).execute(&db.worker).await.unwrap_err();
            assert_eq!(error.as_database_error().and_then(|e| e.code()).as_deref(), Some("42501"), "{text}");
        }
    })
    .await;
}

fn record(stage: Stage) -> Record {
    let mut rng = StdRng::seed_from_u64(1);
    let id = RedemptionId::create(&mut rng);
    let redemption = Redemption { fingerprint: id.fingerprint("CANARYCODE"), id, expected_tenant: Some(TENANT), stage };
    Record {
        appliance_id: create_appliance_id(&mut rng),
        verified_origin: Some("https://own.example".to_owned()),
        redemption: Some(redemption),
        replaced: Vec::new(),
    }
}

#[tokio::test]
async fn stored_steps_are_sealed_and_have_one_writer() {
    with_database(async |db| {
        let key = |byte: u8| {
            data_encoding::BASE64.encode(&std::array::from_fn::<u8, 32, _>(|i| byte ^ u8::try_from(i).unwrap()))
        };
        let keys = |lines: &str| Arc::new(KeyFile::parse(lines).unwrap().sealing);
        let (old, both) = (keys(&format!("2026-01 {}", key(1))), format!("2026-01 {}\n2026-02 {}", key(1), key(2)));
        let mut one = DatabaseState::new(db.worker.clone(), Arc::clone(&old));
        assert!(one.load().await.unwrap().is_none());
        one.save(&record(Stage::Prepared { code: "CANARYCODE".into() })).await.unwrap();
        let row = db.value("SELECT r::text FROM tenantry.license_redemption r").await;
        assert!(row.contains("prepared") && !row.contains("CANARY") && !row.contains("redemption-"), "{row}");
        // After a rotation the new key writes; a process without it says which key it lacks.
        let mut other = DatabaseState::new(db.worker.clone(), keys(&both));
        let loaded = other.load().await.unwrap().unwrap();
        assert_eq!(loaded.verified_origin.as_deref(), Some("https://own.example"));
        other.save(&loaded).await.unwrap();
        assert!(matches!(one.save(&loaded).await, Err(StateError::Busy)), "the row has moved on");
        assert!(matches!(one.load().await, Err(StateError::Sealed(_))));
        db.execute("UPDATE tenantry.license_redemption SET sealed = 'CANARY'").await;
        let error = other.load().await.unwrap_err();
        assert!(matches!(error, StateError::Garbage) && !format!("{error:?}").contains("CANARY"));
    })
    .await;
}
