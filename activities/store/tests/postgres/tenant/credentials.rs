//! A credential is kept, delivered once and forgotten; its hash comes into force when it should (R5, R7).

use crate::fixture::{Db, MINUTE, T0, with_database};
use crate::tenant::steps::{Creation, Step, request};
use crate::tenant::world::{HASH, SEALED, World};
use store::tenant::{AtMost, Delivery, StoredCredential};
use uuid::Uuid;

/// A creation whose administrator exists.
async fn with_admin(world: &World<'_>) -> Creation {
    let mut creation = Creation::new(request("one"));
    for step in [Step::Create, Step::Seed, Step::Admin] {
        creation.learn(&creation.run(&world.store, step, T0).await.unwrap());
    }
    creation
}

async fn password(world: &World<'_>, creation: &Creation) -> String {
    world.db.value(&format!("SELECT hashed_password FROM users WHERE user_id = '{}'", creation.user)).await
}

async fn sealed(world: &World<'_>) -> String {
    world.db.value("SELECT sealed FROM tenantry.activity_ledger WHERE activity LIKE '%Email'").await
}

#[tokio::test]
async fn the_first_credential_is_in_force_when_it_is_kept() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        assert_eq!(password(&world, &made).await, "00:11");
        let kept = world.store.keep_credential(&made.credential(Some(HASH), T0)).await.unwrap();
        assert_eq!(kept, Delivery::Pending { sealed: SEALED.to_owned(), since_ms: T0 });
        assert_eq!((password(&world, &made).await.as_str(), sealed(&world).await.as_str()), (HASH, SEALED));
        assert!(!format!("{kept:?} {:?}", made.credential(Some(HASH), T0)).contains(SEALED));

        // A repeat makes another one; the one that is kept counts, and its hash stays in force.
        let second = StoredCredential { sealed: "another", ..made.credential(Some("cc:dd"), T0 + 5) };
        assert_eq!(world.store.keep_credential(&second).await.unwrap(), kept);
        assert_eq!(password(&world, &made).await, HASH);

        world.store.delivered(&made.credential(None, T0 + 6)).await.unwrap();
        assert_eq!((password(&world, &made).await.as_str(), sealed(&world).await.as_str()), (HASH, "NULL"));
        assert_eq!(world.store.keep_credential(&second).await.unwrap(), Delivery::Delivered);
        let everything = world.everything().await;
        assert!(everything.iter().all(|line| !line.contains("sealed-credential") && !line.contains("another")));
    })
    .await;
}

#[tokio::test]
async fn a_credential_that_is_sent_again_is_in_force_after_it_was_accepted() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        let again = |hash, now_ms| StoredCredential {
            origin_id: "resend-1",
            activity: "resendWelcomeEmail",
            ..made.credential(hash, now_ms)
        };
        world.store.keep_credential(&again(None, T0)).await.unwrap();
        assert_eq!(password(&world, &made).await, "00:11");
        world.store.delivered(&again(Some(HASH), T0 + 1)).await.unwrap();
        assert_eq!((password(&world, &made).await.as_str(), sealed(&world).await.as_str()), (HASH, "NULL"));

        // The user chose a password of their own meanwhile; a late repeat of the report does not undo it.
        db.execute(&format!("UPDATE users SET hashed_password = 'own:choice' WHERE user_id = '{}'", made.user)).await;
        world.store.delivered(&again(Some("late:report"), T0 + 2)).await.unwrap();
        assert_eq!(password(&world, &made).await, "own:choice");
        assert_eq!(world.store.keep_credential(&again(None, T0 + 3)).await.unwrap(), Delivery::Delivered);
    })
    .await;
}

#[tokio::test]
async fn a_link_keeps_nothing_secret_and_is_still_sent_once() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        let link = StoredCredential { sealed: "", ..made.credential(None, T0) };
        let kept = Delivery::Pending { sealed: String::new(), since_ms: T0 };
        assert_eq!(world.store.keep_credential(&link).await.unwrap(), kept);
        assert_eq!(world.store.keep_credential(&StoredCredential { now_ms: T0 + 1, ..link }).await.unwrap(), kept);
        assert_eq!(sealed(&world).await, "NULL");
        let link = StoredCredential { sealed: "", ..made.credential(None, T0) };
        world.store.delivered(&link).await.unwrap();
        assert_eq!(world.store.keep_credential(&link).await.unwrap(), Delivery::Delivered);
        assert_eq!(password(&world, &made).await, "00:11");
    })
    .await;
}

#[tokio::test]
async fn attempts_at_once_send_one_and_the_same_credential() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 10), world.billing);
        let made = with_admin(&world).await;
        let texts: Vec<(String, String)> = (0..10).map(|n| (format!("sealed-{n}"), format!("hash:{n}"))).collect();
        let credentials: Vec<_> =
            texts.iter().map(|(sealed, hash)| StoredCredential { sealed, ..made.credential(Some(hash), T0) }).collect();
        let kept = futures::future::join_all(credentials.iter().map(|c| store.keep_credential(c))).await;
        let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
        assert!(kept.windows(2).all(|pair| pair[0] == pair[1]));
        // The hash in force belongs to the credential that is sent.
        let number = password(&world, &made).await.replace("hash:", "");
        assert_eq!(kept[0], Delivery::Pending { sealed: format!("sealed-{number}"), since_ms: T0 });
    })
    .await;
}

#[tokio::test]
async fn nothing_is_kept_for_a_user_who_could_not_use_it() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        let client = world.user(made.tenant, "c@one.example", "client").await;
        let before = world.everything().await;
        // A user of the portal, nobody, and a user of another tenant.
        for (tenant, user) in [(made.tenant, client), (made.tenant, Uuid::new_v4()), (world.billing, made.user)] {
            let credential = StoredCredential { tenant, user, ..made.credential(Some(HASH), T0) };
            assert_eq!(world.store.keep_credential(&credential).await.unwrap(), Delivery::NoUser);
        }
        assert_eq!(world.everything().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_report_of_a_delivery_that_nobody_began_changes_nothing() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        let before = world.everything().await;
        world.store.delivered(&made.credential(Some(HASH), T0)).await.unwrap();
        assert_eq!(world.everything().await, before);
    })
    .await;
}

/// One that somebody asked for, at most three an hour.
fn again<'a>(made: &'a Creation, origin_id: &'a str, now_ms: i64) -> StoredCredential<'a> {
    StoredCredential {
        origin_id,
        activity: "resendWelcomeEmail",
        at_most: Some(AtMost { count: 3, window_ms: 60 * MINUTE }),
        ..made.credential(None, now_ms)
    }
}

#[tokio::test]
async fn of_many_that_are_asked_for_at_once_three_are_kept() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let store = World::steps(store::pool((*db.worker.connect_options()).clone(), 10), world.billing);
        let made = with_admin(&world).await;
        let origins: Vec<String> = (0..10).map(|n| format!("resend-{n}")).collect();
        let asked: Vec<_> = origins.iter().map(|origin| again(&made, origin, T0)).collect();
        let kept = futures::future::join_all(asked.iter().map(|credential| store.keep_credential(credential))).await;
        let kept: Vec<Delivery> = kept.into_iter().map(Result::unwrap).collect();
        let is_kept = |delivery: &Delivery| matches!(delivery, Delivery::Pending { .. });
        assert_eq!(kept.iter().filter(|delivery| is_kept(delivery)).count(), 3, "{kept:?}");
        let refused = Delivery::TooMany { count: 3, next_ms: T0 + 60 * MINUTE };
        assert!(kept.iter().all(|delivery| is_kept(delivery) || *delivery == refused), "{kept:?}");
        // A repeat of one that was kept is not refused, and an hour later there is room again.
        let first = kept.iter().position(is_kept).unwrap();
        assert_eq!(store.keep_credential(&asked[first]).await.unwrap(), kept[first]);
        assert!(is_kept(&store.keep_credential(&again(&made, "later", T0 + 61 * MINUTE)).await.unwrap()));
        // Another user's are counted for themselves.
        let other = world.user(made.tenant, "o@one.example", "internal").await;
        let others = StoredCredential { user: other, ..again(&made, "other", T0) };
        assert!(is_kept(&store.keep_credential(&others).await.unwrap()));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_says_when_there_is_room_and_then_there_is() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        for (origin, after) in [("resend-1", 0), ("resend-2", 10), ("resend-3", 20)] {
            world.store.keep_credential(&again(&made, origin, T0 + after * MINUTE)).await.unwrap();
        }
        let keep = async |origin, at| world.store.keep_credential(&again(&made, origin, at)).await.unwrap();
        let refused = Delivery::TooMany { count: 3, next_ms: T0 + 60 * MINUTE };
        assert_eq!(keep("resend-4", T0 + 30 * MINUTE).await, refused);
        assert_eq!(keep("resend-4", T0 + 60 * MINUTE - 1).await, refused);
        let Delivery::Pending { .. } = keep("resend-4", T0 + 60 * MINUTE).await else { panic!("there is room") };
        assert_eq!(keep("resend-5", T0 + 61 * MINUTE).await, Delivery::TooMany { count: 3, next_ms: T0 + 70 * MINUTE });
    })
    .await;
}

#[tokio::test]
async fn a_refused_credential_is_forgotten_and_a_repeat_is_told_why() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        world.store.keep_credential(&made.credential(Some(HASH), T0)).await.unwrap();
        world.store.close_credential(&made.credential(None, T0), "recipient_refused").await.unwrap();
        assert_eq!(sealed(&world).await, "NULL");
        let closed = Delivery::Closed { why: "recipient_refused".to_owned() };
        assert_eq!(world.store.keep_credential(&made.credential(Some("cc:dd"), T0 + 1)).await.unwrap(), closed);
        assert_eq!(password(&world, &made).await, HASH);
    })
    .await;
}

#[tokio::test]
async fn a_credential_that_was_asked_for_and_delivered_ends_the_first_one() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let made = with_admin(&world).await;
        world.store.keep_credential(&made.credential(Some(HASH), T0)).await.unwrap();
        world.store.keep_credential(&again(&made, "resend-1", T0 + 1)).await.unwrap();
        let resent = StoredCredential { hash: Some("new:hash"), ..again(&made, "resend-1", T0 + 2) };
        world.store.delivered(&resent).await.unwrap();
        assert_eq!(world.count("tenantry.activity_ledger WHERE sealed IS NOT NULL").await, "0");
        assert_eq!(password(&world, &made).await, "new:hash");
        // The creation's own mail does not go out any more, and undoes nothing.
        let first = world.store.keep_credential(&made.credential(Some(HASH), T0 + 3)).await.unwrap();
        assert!(matches!(first, Delivery::Closed { .. }), "{first:?}");
        assert_eq!(password(&world, &made).await, "new:hash");
    })
    .await;
}
