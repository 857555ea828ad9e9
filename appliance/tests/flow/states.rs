//! The file: who may use it, and what is refused.

use crate::world::{CODE, NOW};
use appliance::ids::{RedemptionId, create_appliance_id};
use appliance::state::{FileState, Record, Redemption, RedemptionState, Replaced, Stage, StateError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

fn record() -> Record {
    let mut rng = StdRng::seed_from_u64(u64::try_from(NOW).unwrap());
    let id = RedemptionId::create(&mut rng);
    let redemption = Redemption {
        fingerprint: id.fingerprint(CODE),
        id,
        expected_tenant: None,
        stage: Stage::Prepared { code: CODE.into() },
    };
    let replaced = RedemptionId::create(&mut rng);
    let replaced =
        vec![Replaced { fingerprint: replaced.fingerprint("AAAABBBB"), id: replaced, expected_tenant: None }];
    let appliance_id = create_appliance_id(&mut rng);
    Record { appliance_id, verified_origin: None, redemption: Some(redemption), replaced }
}

#[tokio::test]
async fn what_is_saved_is_private_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/redemption");
    let mut state = FileState::open(&path).unwrap();
    assert!(state.load().await.unwrap().is_none());
    let saved = record();
    // What a killed process left beside it is no obstacle, and its rights do not last.
    let next = path.with_file_name("redemption.next");
    fs::write(&next, "half").unwrap();
    fs::set_permissions(&next, Permissions::from_mode(0o644)).unwrap();
    state.save(&saved).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert!(!next.exists());
    let loaded = state.load().await.unwrap().unwrap();
    assert_eq!(loaded.appliance_id, saved.appliance_id);
    assert_eq!(loaded.redemption.unwrap().id, saved.redemption.unwrap().id);
    assert_eq!(loaded.replaced, saved.replaced);
}

/// As builds wrote it that kept no replaced redemptions.
const OLD: &str = r#"{"version":1,"appliance_id":"appliance-1","redemption":{"id":"redemption-0123456789abcdef",
    "fingerprint":"0123456789abcdef","stage":{"name":"prepared","code":"K7QPM2RX"}}}"#;

#[tokio::test]
async fn a_file_of_an_older_build_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let mut state = FileState::open(&path).unwrap();
    fs::write(&path, OLD).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let record = state.load().await.unwrap().unwrap();
    assert_eq!(record.redemption.as_ref().unwrap().id.as_str(), "redemption-0123456789abcdef");
    assert!(record.replaced.is_empty());
}

#[tokio::test]
async fn rights_of_others_and_links_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let mut state = FileState::open(&path).unwrap();
    state.save(&record()).await.unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = state.load().await.unwrap_err();
        assert!(matches!(error, StateError::Permissions), "{mode:o}");
        assert!(error.to_string().contains("0600"));
    }
    let target = folder.path().join("target");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&path, &target).unwrap();
    symlink(&target, &path).unwrap();
    assert!(matches!(state.load().await, Err(StateError::Permissions)));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(state.load().await, Err(StateError::Permissions)));
}

#[tokio::test]
async fn garbage_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let mut state = FileState::open(&path).unwrap();
    state.save(&record()).await.unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let wrong_id = good.replacen("appliance-", "/", 1);
    let texts = ["", "{", "null", "CANARY", &good[..good.len() / 2], &wrong_id, &"x".repeat(200_000)];
    for text in texts {
        fs::write(&path, text).unwrap();
        let error = state.load().await.unwrap_err();
        assert!(matches!(error, StateError::Garbage), "{text:.40}");
        assert!(!format!("{error} {error:?}").contains("CANARY"));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, r#"{"version":2}"#).unwrap();
    assert!(matches!(state.load().await, Err(StateError::Newer)));
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let first = FileState::open(&path).unwrap();
    assert!(matches!(FileState::open(&path), Err(StateError::Busy)));
    drop(first);
    FileState::open(&path).unwrap();
}

#[test]
fn a_record_shows_no_secret() {
    let shown = format!("{:?}", record());
    assert!(!shown.contains(CODE) && !shown.contains("redemption-"), "{shown}");
}
