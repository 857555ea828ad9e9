//! Two starts for one subscription, checkout, Apple transaction or address end with one tenant (R3).

use crate::fixture::{Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, create, request, with_stripe};
use crate::tenant::world::{World, refusal};
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde_json::json;
use std::collections::BTreeSet;
use store::tenant::TenantError;

/// How many start at once.
const STARTS: usize = 50;

fn apple(mut request: wire::CreateTenantRequest, transaction: &str) -> wire::CreateTenantRequest {
    request.apple_iap = Some(wire::AppleIap {
        original_transaction_id: transaction.to_owned(),
        product_id: "solo".to_owned(),
        bundle_id: "com.example".to_owned(),
        environment: "Production".to_owned(),
        ..wire::AppleIap::default()
    });
    request
}

/// Starts all at once, under random origins, and tells who won and whether the others learnt of whom.
async fn race(db: &Db, known: bool, ask: impl Fn(wire::CreateTenantRequest) -> wire::CreateTenantRequest) {
    let world = World::new(db).await;
    let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 25), world.billing);
    let asked: Vec<_> = (0..STARTS).map(|n| ask(request(&format!("start-{n}")))).collect();
    let outcomes = futures::future::join_all(asked.iter().map(|request| create(&store, request))).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, STARTS - 1));
    let winner = won[0].as_ref().unwrap()["tenantId"].clone();
    for outcome in lost {
        let details = known.then(|| json!({ "existingTenantId": winner }));
        assert_eq!(refusal(outcome), (FailureType::Duplicate, details));
    }
    for table in ["clients", "client_locations", "tenantry.creations", "tenantry.activity_ledger"] {
        assert_eq!(world.count(table).await, "1", "{table}");
    }
    assert_eq!(world.count("tenants").await, "2");
    assert_eq!(world.db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await, "0");
}

#[tokio::test]
async fn one_subscription_is_one_tenant() {
    with_database(async |db: &Db| race(db, true, |request| with_stripe(request, "sub_One")).await).await;
}

#[tokio::test]
async fn one_checkout_is_one_tenant() {
    with_database(async |db: &Db| {
        let checkout_session_id = "cs_One".to_owned();
        race(db, true, |request| wire::CreateTenantRequest {
            checkout_session_id: checkout_session_id.clone(),
            ..request
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn one_apple_transaction_is_one_tenant() {
    with_database(async |db: &Db| race(db, true, |request| apple(request, "2000000099")).await).await;
}

#[tokio::test]
async fn one_address_is_one_tenant_and_nobody_learns_whose() {
    with_database(async |db: &Db| {
        let admin_email = "Ada@customer.example".to_owned();
        race(db, false, |request| wire::CreateTenantRequest { admin_email: admin_email.clone(), ..request }).await;
    })
    .await;
}

#[tokio::test]
async fn claims_that_cross_each_other_do_not_deadlock() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 25), world.billing);
        // Every start shares a key with two others: a ring of subscriptions, checkouts, transactions and addresses.
        let asked: Vec<_> = (0..24)
            .map(|n| {
                let mut asked =
                    apple(with_stripe(request(&format!("ring-{n}")), &format!("sub_{}", n / 2)), &format!("{}", n % 7));
                asked.checkout_session_id = format!("cs_{}", (n + 1) / 2 % 12);
                asked.admin_email = format!("ada@{}.example", n % 5);
                asked
            })
            .collect();
        let outcomes = futures::future::join_all(asked.iter().map(|request| create(&store, request))).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!((1..=5).contains(&won), "{won} of five addresses");
        for outcome in outcomes.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(outcome).0, FailureType::Duplicate);
        }
        let claims = world.count("tenantry.creation_claims").await;
        assert_eq!(claims, (won * 4).to_string());
        assert_eq!(db.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await, "0");
    })
    .await;
}

#[tokio::test]
async fn a_key_in_other_letters_is_the_same_key() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        world.create(&with_stripe(request("one"), "sub_Case")).await.unwrap();
        assert_eq!(refusal(world.create(&with_stripe(request("two"), "SUB_case")).await).0, FailureType::Duplicate);
        let mut asked = request("three");
        asked.admin_email = "ADMIN@ONE.EXAMPLE".to_owned();
        assert_eq!(refusal(world.create(&asked).await), (FailureType::Duplicate, None));
    })
    .await;
}

#[tokio::test]
async fn of_several_conflicts_the_one_that_names_the_tenant_is_told() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let first = world.create(&with_stripe(request("one"), "sub_1")).await.unwrap();
        let mut asked = with_stripe(request("two"), "sub_1");
        asked.admin_email = "admin@one.example".to_owned();
        let details = json!({ "existingTenantId": first["tenantId"] });
        assert_eq!(refusal(world.create(&asked).await), (FailureType::Duplicate, Some(details)));
    })
    .await;
}

#[tokio::test]
async fn what_the_products_own_tables_hold_is_claimed_too() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let other = db.tenant().await;
        db.execute(&format!(
            "INSERT INTO stripe_subscriptions (tenant, stripe_subscription_external_id, stripe_customer_id, stripe_price_id)
               VALUES ('{other}', 'sub_old', gen_random_uuid(), gen_random_uuid());
             INSERT INTO apple_iap_subscriptions (tenant, original_transaction_id, product_id, bundle_id, environment, status)
               VALUES ('{other}', '42', 'p', 'b', 'Production', 'expired')"
        ))
        .await;
        world.user(other, "Taken@Other.example", "internal").await;
        world.user(other, "client@other.example", "client").await;
        let before = world.everything().await;
        let details = Some(json!({ "existingTenantId": other }));
        assert_eq!(
            refusal(world.create(&with_stripe(request("one"), "sub_old")).await),
            (FailureType::Duplicate, details.clone())
        );
        assert_eq!(refusal(world.create(&apple(request("two"), "42")).await), (FailureType::Duplicate, details));
        let mut asked = request("three");
        asked.admin_email = "taken@other.EXAMPLE".to_owned();
        assert_eq!(refusal(world.create(&asked).await), (FailureType::Duplicate, None));
        assert_eq!(world.everything().await, before);
        // A user of a client portal is no internal user.
        asked.admin_email = "client@other.example".to_owned();
        world.create(&asked).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_address_is_taken_in_whatever_case_its_letters_are_written() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        // A collation that knows the case of ASCII alone, as a cluster made with the locale C has it.
        db.execute("ALTER TABLE users ALTER COLUMN email TYPE text COLLATE \"C\"").await;
        world.user(world.billing, "JÖRG@Bücher.example", "internal").await;
        world.user(world.billing, "plain@Bücher.example", "internal").await;
        for taken in ["jörg@bücher.example", "Jörg@BÜCHER.example", "PLAIN@bÜcher.example"] {
            let asked = wire::CreateTenantRequest { admin_email: taken.to_owned(), ..request("one") };
            assert_eq!(refusal(world.create(&asked).await), (FailureType::Duplicate, None), "{taken}");
        }
        // Another letter is another address.
        let asked = wire::CreateTenantRequest { admin_email: "jorg@bücher.example".to_owned(), ..request("one") };
        world.create(&asked).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_claim_on_an_address_ends_when_the_administrator_is_written() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(with_stripe(request("one"), "sub_1"));
        for step in [Step::Create, Step::Seed] {
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
        }
        let kinds = "SELECT string_agg(kind, ' ' ORDER BY kind) FROM tenantry.creation_claims";
        assert_eq!(db.value(kinds).await, "address subscription");
        assert!(
            !db.value("SELECT string_agg(key, ' ') FROM tenantry.creation_claims WHERE kind <> 'address'")
                .await
                .contains('@')
        );
        creation.learn(&creation.run(&world.store, Step::Admin, T0).await.unwrap());
        assert_eq!(db.value(kinds).await, "subscription");
        let mut asked = request("two");
        asked.admin_email = creation.request.admin_email.clone();
        assert_eq!(refusal(world.create(&asked).await), (FailureType::Duplicate, None));
        // Who leaves the product sets the address free.
        db.execute(&format!("DELETE FROM user_roles; DELETE FROM users WHERE user_id = '{}'", creation.user)).await;
        world.create(&asked).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_address_that_somebody_took_between_two_steps_stops_the_administrator() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        for step in [Step::Create, Step::Seed] {
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
        }
        let user = world.user(world.billing, "admin@ONE.example", "internal").await;
        let before = world.everything().await;
        assert_eq!(refusal(creation.run(&world.store, Step::Admin, T0).await), (FailureType::Duplicate, None));
        assert_eq!(world.everything().await, before);
        db.execute(&format!("DELETE FROM users WHERE user_id = '{user}'")).await;
        creation.run(&world.store, Step::Admin, T0).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_address_passes_from_its_claim_to_its_user_without_a_gap() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 20), world.billing);
        let mut creation = Creation::new(request("one"));
        for step in [Step::Create, Step::Seed] {
            creation.learn(&creation.run(&store, step, T0).await.unwrap());
        }
        let others: Vec<_> = (0..20)
            .map(|n| wire::CreateTenantRequest {
                admin_email: creation.request.admin_email.clone(),
                ..request(&format!("other-{n}"))
            })
            .collect();
        let attempts = futures::future::join_all(others.iter().map(|request| create(&store, request)));
        let (written, attempts) = tokio::join!(creation.run(&store, Step::Admin, T0), attempts);
        written.unwrap();
        let refused: BTreeSet<_> = attempts
            .into_iter()
            .map(|outcome| match outcome {
                Err(TenantError::Final { kind, .. }) => kind,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(refused, BTreeSet::from([FailureType::Duplicate]));
    })
    .await;
}

#[tokio::test]
async fn the_shop_hears_of_a_checkout_from_its_own_creation_until_that_is_complete() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut asked = request("one");
        asked.checkout_session_id = "cs_One".to_owned();
        let origin = asked.origin_id.clone();
        let elsewhere = async |origin: &str| world.store.checkout_is_elsewhere("cs_One", origin).await.unwrap();
        assert!(!elsewhere(&origin).await);
        let mut made = Creation::new(asked);
        made.learn(&made.run(&world.store, Step::Create, T0).await.unwrap());
        assert!(!elsewhere(&origin).await);
        assert!(elsewhere("another").await);
        world.store.record(&made.state("completed", T0 + 1)).await.unwrap();
        assert!(elsewhere(&origin).await);
    })
    .await;
}
