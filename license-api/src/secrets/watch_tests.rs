//! Rotation of the service secrets, without a restart.

use super::*;
use crate::watch::LOOK_EVERY;
use std::fs;

#[test]
fn a_rotation_needs_no_restart_and_a_broken_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "first-secret\n").unwrap();
    let sources = SecretSources {
        current_file: Some(file.clone()),
        previous: Some("older-secret".into()),
        ..SecretSources::default()
    };
    let start = Instant::now();
    let secrets = WatchedSecrets::open(sources, start).unwrap();
    let accepts = |step: u32, secret: &str| {
        secrets.current(start + LOOK_EVERY * step).name_of(secret, "/sign").map(str::to_owned)
    };
    assert_eq!(accepts(0, "first-secret").as_deref(), Some("service"));
    assert_eq!(accepts(0, "older-secret").as_deref(), Some("service"));

    fs::write(&file, "second-secret-longer").unwrap();
    assert_eq!(accepts(0, "second-secret-longer"), None);
    assert_eq!(accepts(1, "second-secret-longer").as_deref(), Some("service"));
    assert_eq!(accepts(1, "first-secret"), None);

    fs::write(&file, "  ").unwrap();
    assert_eq!(accepts(2, "second-secret-longer").as_deref(), Some("service"));
    fs::remove_file(&file).unwrap();
    assert_eq!(accepts(3, "second-secret-longer").as_deref(), Some("service"));
    fs::write(&file, "third-secret-is-good").unwrap();
    assert_eq!(accepts(4, "third-secret-is-good").as_deref(), Some("service"));
}

#[test]
fn no_secret_at_all_stops_the_start() {
    assert_eq!(SecretSources::default().read().err(), Some(SecretsFault::Count));
}
