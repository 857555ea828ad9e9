//! Rotations of the keys of install codes while codes are in customers' hands (licensing contract, section 15).

use crate::world::{World, key_line, with_world};
use license_api::code_keys::{Renewal, RotationError};
use license_api::registry::{ForgottenKeys, require_known_keys};
use license_api::watch::LOOK_EVERY;
use serde_json::json;
use std::cell::Cell;
use std::time::Instant;

/// The files of a service, and its looks at them.
struct Files<'a> {
    world: &'a World,
    looks: Cell<u32>,
    start: Instant,
}

impl<'a> Files<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, looks: Cell::new(0), start: Instant::now() }
    }

    /// Replaces a file as a whole, as a mounted one is.
    fn replace(&self, file: &str, text: &str) {
        let new = self.world.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.world.folder.path().join(file)).unwrap();
    }

    async fn renew(&self) -> Result<Renewal, RotationError> {
        self.looks.set(self.looks.get() + 1);
        let now = self.start + LOOK_EVERY * (self.looks.get() + 1);
        self.world.state.keys.codes.renew(&self.world.state.pool, now).await
    }

    fn in_force(&self) -> (String, String) {
        let keys = self.world.state.keys.codes();
        let ids = |ids: &mut dyn Iterator<Item = &credentials::KeyId>| {
            ids.map(|id| id.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        (ids(&mut keys.mint_key_ids()), ids(&mut keys.lookup_key_ids()))
    }
}

fn forgotten(key_id: &str) -> Result<Renewal, RotationError> {
    Err(RotationError::Forgotten(ForgottenKeys { key_id: key_id.to_owned() }))
}

async fn redeem(world: &World, code: &str) -> u16 {
    world.post("/register", json!({ "claim_code": code, "appliance_id": "a-1" })).await.status.as_u16()
}

async fn code(world: &World, submission: &str) -> String {
    world.essentials(submission).await["install_code"].as_str().unwrap().to_owned()
}

/// The first rotation: a second key of each kind.
fn begin(world: &World) -> Files<'_> {
    let files = Files::of(world);
    files.replace("mint", &(key_line("m1", 1) + &key_line("m2", 102)));
    files.replace("lookup", &(key_line("l1", 2) + &key_line("l2", 202)));
    files
}

#[tokio::test]
async fn a_second_rotation_waits_for_the_codes_of_the_first_key() {
    with_world(async |world: &World| {
        let oldest = code(world, "s-1").await;
        let files = begin(world);
        assert_eq!(files.renew().await, Ok(Renewal::Taken));
        assert_eq!(files.renew().await, Ok(Renewal::Unchanged));
        assert_eq!(files.in_force(), ("m2 m1".to_owned(), "l2 l1".to_owned()));
        let newer = code(world, "s-2").await;
        let key_of = |column: &str| format!("SELECT string_agg({column}, ' ' ORDER BY created_at) FROM claim_codes");
        assert_eq!(world.value(&key_of("mint_key_id")).await, "m1 m2");
        assert_eq!(world.value(&key_of("hash_key_id")).await, "l1 l2");

        // Each of the two files by itself is refused.
        files.replace("mint", &(key_line("m2", 102) + &key_line("m3", 103)));
        assert_eq!(files.renew().await, forgotten("m1"));
        assert_eq!(files.renew().await, forgotten("m1"));
        files.replace("mint", &(key_line("m1", 1) + &key_line("m2", 102)));
        files.replace("lookup", &(key_line("l2", 202) + &key_line("l3", 203)));
        assert_eq!(files.renew().await, forgotten("l1"));
        assert_eq!(files.in_force(), ("m2 m1".to_owned(), "l2 l1".to_owned()));
        // What is in force still finds both.
        assert_eq!(redeem(world, &oldest).await, 200);

        // Nobody holds a code of the first keys any more.
        files.replace("mint", &(key_line("m2", 102) + &key_line("m3", 103)));
        assert_eq!(files.renew().await, Ok(Renewal::Taken));
        assert_eq!(files.in_force(), ("m3 m2".to_owned(), "l3 l2".to_owned()));
        assert_eq!(redeem(world, &newer).await, 200);
        let newest = code(world, "s-3").await;
        assert_eq!(redeem(world, &newest).await, 200);
    })
    .await;
}

/// A lost answer must not burn its code (licensing contract, L-02): a repeat finds it by the key under which it is stored.
#[tokio::test]
async fn a_second_rotation_waits_for_the_repeats_of_a_redemption() {
    with_world(async |world: &World| {
        let code = code(world, "s-1").await;
        let redeem = async || {
            let body = json!({ "claim_code": code, "appliance_id": "a-1" });
            world.post_with("/register", "key-of-a-redemption", body).await
        };
        let lost = redeem().await;
        let files = begin(world);
        assert_eq!(files.renew().await, Ok(Renewal::Taken));

        files.replace("lookup", &(key_line("l2", 202) + &key_line("l3", 203)));
        assert_eq!(files.renew().await, forgotten("l1"));
        assert_eq!(require_known_keys(&world.state.pool, &world.state.keys.codes()).await, Ok(()));
        let again = redeem().await;
        assert!(again.is_replay());
        assert_eq!(again.bytes, lost.bytes);
        // A repeat makes no code, so the key that made it may go.
        files.replace("lookup", &(key_line("l1", 2) + &key_line("l2", 202)));
        files.replace("mint", &(key_line("m2", 102) + &key_line("m3", 103)));
        assert_eq!(files.renew().await, Ok(Renewal::Taken));

        files.replace("lookup", &(key_line("l2", 202) + &key_line("l3", 203)));
        assert_eq!(files.renew().await, forgotten("l1"));
        world.execute("UPDATE code_redemptions SET replay_until = now()").await;
        assert_eq!(files.renew().await, Ok(Renewal::Taken));
    })
    .await;
}

#[tokio::test]
async fn keys_that_cannot_follow_leave_those_before_in_force() {
    with_world(async |world: &World| {
        let files = begin(world);
        assert_eq!(files.renew().await, Ok(Renewal::Taken));
        let before = files.in_force();
        let (m, l) = (key_line("m1", 1) + &key_line("m2", 102), key_line("l1", 2) + &key_line("l2", 202));
        let lost = |key_id: &str| Err(RotationError::LostCurrent { key_id: key_id.to_owned() });
        let changed = |key_id: &str| Err(RotationError::ChangedKey { key_id: key_id.to_owned() });
        let cases = [
            (key_line("m1", 1) + &key_line("m3", 103), l.clone(), lost("m2")),
            (m.clone(), key_line("l1", 2), lost("l2")),
            (key_line("m1", 1) + &key_line("m2", 7), l.clone(), changed("m2")),
            (key_line("m1", 9) + &key_line("m2", 102), l.clone(), changed("m1")),
            (m.clone(), key_line("l1", 2) + &key_line("l2", 7), changed("l2")),
            (m.clone(), key_line("l1", 9) + &key_line("l2", 202), changed("l1")),
        ];
        for (mint, lookup, expected) in cases {
            files.replace("mint", &mint);
            files.replace("lookup", &lookup);
            assert_eq!(files.renew().await, expected);
            assert_eq!(files.in_force(), before);
        }
        // A file that cannot be read changes nothing, and is no refusal.
        files.replace("mint", "m1");
        files.replace("lookup", &l);
        assert!(files.renew().await.is_err());
        assert_eq!(files.in_force(), before);
        files.replace("mint", &m);
        assert_eq!(files.renew().await, Ok(Renewal::Taken));

        // Without the registry's word nothing is taken over.
        files.replace("mint", &(key_line("m2", 102) + &key_line("m3", 103)));
        world.state.pool.close().await;
        assert!(matches!(files.renew().await, Err(RotationError::Registry(_))));
        assert_eq!(files.in_force(), before);
    })
    .await;
}
