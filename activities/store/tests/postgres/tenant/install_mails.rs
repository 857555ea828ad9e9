//! Mails with an install code: one for each run, five for an address and day (licensing contract, section 15, "Limits").

use crate::fixture::{Db, T0, with_database};
use crate::tenant::world::World;
use store::tenant::{InstallMail, MailState};

const DAY_MS: i64 = 86_400_000;

const fn mail<'a>(origin_id: &'a str, address_key: &'a str, now_ms: i64) -> InstallMail<'a> {
    InstallMail { origin_id, address_key, now_ms, per_day: 5 }
}

#[tokio::test]
async fn a_run_sends_one_mail_and_its_first_end_stands() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let begun = world.store.begin_install_mail(&mail("run-1", "a", T0)).await.unwrap();
        assert_eq!(begun, MailState::Pending { since_ms: T0, again: false });
        let again = world.store.begin_install_mail(&mail("run-1", "a", T0 + 5)).await.unwrap();
        assert_eq!(again, MailState::Pending { since_ms: T0, again: true });
        world.store.end_install_mail("run-1", "").await.unwrap();
        world.store.end_install_mail("run-1", "too late").await.unwrap();
        let sent = world.store.begin_install_mail(&mail("run-1", "a", T0 + DAY_MS)).await.unwrap();
        assert_eq!(sent, MailState::Sent);

        world.store.begin_install_mail(&mail("run-2", "a", T0)).await.unwrap();
        world.store.end_install_mail("run-2", "refused").await.unwrap();
        let closed = world.store.begin_install_mail(&mail("run-2", "a", T0)).await.unwrap();
        assert_eq!(closed, MailState::Closed { why: "refused".to_owned() });
    })
    .await;
}

#[tokio::test]
async fn an_address_gets_five_a_day_also_when_all_ask_at_once() {
    with_database(async |db: &Db| {
        let world = World::new(db).await;
        let runs: Vec<String> = (0..12).map(|number| format!("run-{number}")).collect();
        let asked = runs.iter().map(async |run| world.store.begin_install_mail(&mail(run, "a", T0)).await.unwrap());
        let states = futures::future::join_all(asked).await;
        assert_eq!(states.iter().filter(|state| **state == MailState::TooMany).count(), 7);

        // One that reached nobody does not count, another address has its own five, and a day later there are five again.
        let begun = states.iter().position(|state| *state != MailState::TooMany).unwrap();
        world.store.end_install_mail(&runs[begun], "refused").await.unwrap();
        for (run, key, now) in [("late", "a", T0), ("other", "b", T0), ("tomorrow", "a", T0 + DAY_MS)] {
            let state = world.store.begin_install_mail(&mail(run, key, now)).await.unwrap();
            assert_eq!(state, MailState::Pending { since_ms: now, again: false }, "{run}");
        }
        assert_eq!(world.store.begin_install_mail(&mail("sixth", "a", T0)).await.unwrap(), MailState::TooMany);
    })
    .await;
}
