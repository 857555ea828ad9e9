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
    assert_eq!(SecretSources::default().read().err(), Some(SecretsFault::Missing));
}

#[test]
fn a_source_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let fault = |sources: SecretSources| sources.read().err().unwrap().to_string();
    fs::write(&file, [0xff, 0xfe, 0x00]).unwrap();
    let binary = "the file of ALGA_LICENSE_SERVICE_SECRET_FILE cannot be read, or is no text";
    assert_eq!(fault(SecretSources { current_file: Some(file.clone()), ..SecretSources::default() }), binary);
    let previous = fault(SecretSources { previous_file: Some(file.clone()), ..SecretSources::default() });
    assert_eq!(previous, binary.replace("SECRET_FILE", "SECRET_PREVIOUS_FILE"));
    let named = fault(SecretSources { named_file: Some(file.clone()), ..SecretSources::default() });
    assert_eq!(named, binary.replace("ALGA_LICENSE_SERVICE_SECRET_FILE", NAMED_FILE));
    fs::write(&file, "[]").unwrap();
    let named = fault(SecretSources { named_file: Some(file.clone()), ..SecretSources::default() });
    assert!(named.starts_with("the file of TENANTRY_LICENSE_SERVICE_SECRETS_FILE must be JSON"), "{named}");
    fs::write(&file, "a".repeat(70_000)).unwrap();
    let long = fault(SecretSources { current_file: Some(file), ..SecretSources::default() });
    assert_eq!(long, "the file of ALGA_LICENSE_SERVICE_SECRET_FILE has more than 64 KiB");
    let blank = fault(SecretSources { previous: Some(" ".into()), ..SecretSources::default() });
    assert_eq!(blank, "the secret of ALGA_LICENSE_SERVICE_SECRET_PREVIOUS is blank");
}

#[test]
fn a_short_secret_of_all_routes_is_taken_and_told_of() {
    let told = crate::watch::told(|| {
        let sources = SecretSources {
            current: Some("x".into()),
            previous: Some("0123456789abcdefghijklmnop".into()),
            ..SecretSources::default()
        };
        assert_eq!(sources.read().unwrap().name_of("x", "/sign"), Some("service"));
    });
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("WARN the secret of ALGA_LICENSE_SERVICE_SECRET has fewer"), "{told:?}");
}
