//! A repeat of a step answers what was answered before and leaves the same rows; another input is refused (R1).

use crate::fixture::{DAY, Db, T0, with_database};
use crate::tenant::steps::{Creation, Step, create_in, request, with_stripe};
use crate::tenant::world::{World, refusal};
use model::tenant::failure::FailureType;
use store::tenant::AdminRow;
use uuid::Uuid;

#[tokio::test]
async fn every_step_can_be_repeated_at_another_time() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(with_stripe(request("one"), "sub_1"));
        creation.request.addons = vec!["sla".to_owned()];
        for step in Step::ALL {
            let first = creation.run(&world.store, step, T0).await.unwrap();
            creation.learn(&first);
            let after = world.everything().await;
            for later in [0, 1, DAY] {
                assert_eq!(creation.run(&world.store, step, T0 + later).await.unwrap(), first, "{step:?}");
            }
            assert_eq!(world.everything().await, after, "{step:?}");
        }
        // From the beginning once more, as a re-run of the whole workflow does.
        let after = world.everything().await;
        for step in Step::ALL {
            creation.run(&world.store, step, T0 + 2 * DAY).await.unwrap();
        }
        assert_eq!(world.everything().await, after);
    })
    .await;
}

#[tokio::test]
async fn steps_that_are_repeated_at_once_are_done_once() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 12), world.billing);
        let mut creation = Creation::new(with_stripe(request("one"), "sub_1"));
        for step in Step::ALL {
            let answers = futures::future::join_all((0..12).map(|n| creation.run(&store, step, T0 + n))).await;
            let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
            assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{step:?}: {answers:?}");
            creation.learn(&answers[0]);
        }
        let counted = [
            ("tenants", "2"),
            ("clients", "1"),
            ("client_locations", "1"),
            ("stripe_customers", "1"),
            ("stripe_subscriptions", "1"),
            ("roles", "8"),
            ("users", "1"),
            ("user_roles", "1"),
            ("tenant_email_settings", "1"),
            ("tenantry.activity_ledger", "5"),
            ("tenantry.creations", "1"),
            ("tenantry.creation_log", "1"),
        ];
        for (table, count) in counted {
            assert_eq!(world.count(table).await, count, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_a_creation_may_propose_another_id_and_run_elsewhere() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut asked = request("one");
        let first = world.create(&asked).await.unwrap();
        asked.proposed_tenant_id = Uuid::new_v4().to_string();
        assert_eq!(world.create(&asked).await.unwrap(), first);
        assert_eq!(create_in(&world.store, &asked, "a-repair-child").await.unwrap(), first);
        assert_eq!(db.value("SELECT workflow_id FROM tenantry.creations").await, "a-repair-child");
    })
    .await;
}

#[tokio::test]
async fn another_input_is_a_conflict_and_changes_nothing() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = world.whole(with_stripe(request("one"), "sub_1")).await;
        let before = world.everything().await;

        let change: [fn(&mut Creation); 8] = [
            |creation| creation.request.company_name.push('x'),
            |creation| creation.request.client_name.push('x'),
            |creation| creation.request.admin_email.insert(0, 'x'),
            |creation| creation.request.license_count += 1,
            |creation| creation.request.plan = "pro".to_owned(),
            |creation| creation.request.addons.push("sla".to_owned()),
            |creation| creation.request.tenant_id = Uuid::new_v4().to_string(),
            |creation| creation.request.stripe.as_mut().unwrap().price_id = "price_pro".to_owned(),
        ];
        for (n, change) in change.iter().enumerate() {
            let mut other = made.clone();
            change(&mut other);
            let (kind, _) = refusal(other.run(&world.store, Step::Create, T0).await);
            assert_eq!(kind, FailureType::IdempotencyConflict, "change {n}");
        }

        let other = Creation { tenant: world.billing, ..made.clone() };
        for step in [Step::Seed, Step::Admin, Step::SetUp] {
            assert_eq!(
                refusal(other.run(&world.store, step, T0).await).0,
                FailureType::IdempotencyConflict,
                "{step:?}"
            );
        }
        let mut named = made.admin(T0);
        named.first_name = "Grace".to_owned();
        let row = AdminRow { request: &named, hash: "0:1", password_mac: None };
        assert_eq!(refusal(world.store.create_admin(&row).await).0, FailureType::IdempotencyConflict);
        let mut settings = made.settings(T0);
        settings.email_provider = "smtp".to_owned();
        assert_eq!(refusal(world.store.set_up(&settings).await).0, FailureType::IdempotencyConflict);
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn another_password_is_a_conflict_and_no_password_is_not() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        for step in [Step::Create, Step::Seed] {
            creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
        }
        let mut asked = creation.admin(T0);
        asked.password = "a password of an operator".to_owned();
        let with = |hash, mac: Option<&str>| (hash, mac.map(str::to_owned));
        let (hash, password_mac) = with("first:hash", Some("mac one"));
        let first = world.store.create_admin(&AdminRow { request: &asked, hash, password_mac }).await.unwrap();
        // The record says that an operator gave the password, also to a run that has none to give.
        assert!(first.operator_supplied);
        let before = world.everything().await;
        assert!(before.iter().all(|line| !line.contains("a password of an operator")));

        for (hash, mac) in [("salted:anew", Some("mac one")), ("of:nobody", None)] {
            let (hash, password_mac) = with(hash, mac);
            asked.password = mac.map(str::to_owned).unwrap_or_default();
            let again = world.store.create_admin(&AdminRow { request: &asked, hash, password_mac }).await.unwrap();
            assert_eq!(again, first);
        }
        let (hash, password_mac) = with("second:hash", Some("mac two"));
        let other = world.store.create_admin(&AdminRow { request: &asked, hash, password_mac }).await;
        assert_eq!(refusal(other).0, FailureType::IdempotencyConflict);
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_state_is_logged_once_and_a_completed_creation_stays_so() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let mut creation = Creation::new(request("one"));
        // Nothing was written yet: there is nothing to note.
        world.store.record(&creation.state("repair", T0)).await.unwrap();
        assert_eq!(world.count("tenantry.creation_log").await, "0");
        creation.learn(&creation.run(&world.store, Step::Create, T0).await.unwrap());
        let mut repair = creation.state("repair", T0 + 1);
        (repair.step, repair.reason) = ("running_onboarding_seeds".to_owned(), "ConfigurationError".to_owned());
        for later in 0..3 {
            repair.now_ms += later;
            world.store.record(&repair).await.unwrap();
        }
        assert_eq!(world.standing().await, ["repair running_onboarding_seeds 1"]);
        let mut open = creation.state("open", T0 + 9);
        (open.by, open.note) = ("an operator".to_owned(), "the price is there".to_owned());
        world.store.record(&open).await.unwrap();
        assert_eq!(world.standing().await, ["open  1"]);
        // A note of the wait that comes when the wait is over changes nothing.
        world.store.record(&repair).await.unwrap();
        assert_eq!(world.standing().await, ["open  1"]);
        world.store.record(&creation.state("completed", T0 + 10)).await.unwrap();
        world.store.record(&repair).await.unwrap();
        world.store.record(&creation.state("abandoned", T0 + 11)).await.unwrap();
        let detail = world.store.creation(creation.tenant).await.unwrap().unwrap();
        assert_eq!((detail.summary.state.as_str(), detail.summary.step.as_str()), ("completed", ""));
        let log: Vec<_> = detail.log.iter().map(|e| (e.state.as_str(), e.at_ms - T0, e.decided_by.as_str())).collect();
        assert_eq!(log, [("repair", 1, ""), ("open", 9, "an operator"), ("completed", 10, "")]);
        assert_eq!(detail.log[0].reason, "ConfigurationError");
    })
    .await;
}
