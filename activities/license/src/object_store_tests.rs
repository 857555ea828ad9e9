//! Settings that belong together, and links under them.

use super::*;
use time::macros::datetime;

const SETTINGS: [(&str, &str); 5] = [
    ("OBJECT_STORE_ENDPOINT", "https://store.example:9000"),
    ("OBJECT_STORE_REGION", "us-east-1"),
    ("OBJECT_STORE_BUCKET", "images"),
    ("OBJECT_STORE_ACCESS_KEY", "AKIA"),
    ("OBJECT_STORE_SECRET_KEY", "secret-value"),
];

fn with(changes: &[(&str, &str)]) -> Result<Option<ObjectStore>, ObjectStoreError> {
    ObjectStore::from_settings(|name| {
        let all = changes.iter().chain(&SETTINGS);
        all.into_iter().find(|(known, _)| *known == name).map(|(_, value)| SecretString::from(*value))
    })
}

fn link(changes: &[(&str, &str)], life: i64) -> String {
    with(changes).unwrap().unwrap().link(life, datetime!(2026-11-26 10:00:00 UTC))
}

#[test]
fn a_link_has_path_style() {
    let found = link(&[], 3_600);
    let start = "https://store.example:9000/images/appliance/current/alga-appliance.iso?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
        X-Amz-Credential=AKIA%2F20261126%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261126T100000Z&X-Amz-Expires=3600&";
    assert!(found.starts_with(start), "{found}");
    assert!(link(&[("APPLIANCE_ISO_KEY", "/a b.iso")], 1).starts_with("https://store.example:9000/images/a%20b.iso?"));
}

#[test]
fn a_port_that_is_the_default_is_not_signed() {
    let signature = |endpoint| link(&[("OBJECT_STORE_ENDPOINT", endpoint)], 60).rsplit('=').next().unwrap().to_owned();
    assert_eq!(signature("https://store.example:443"), signature("https://store.example/"));
    assert_eq!(signature("https://STORE.example"), signature("https://store.example"));
    assert_ne!(signature("https://store.example:8443"), signature("https://store.example"));
}

#[test]
fn a_link_lives_no_longer_than_the_code_and_seven_days() {
    let life = |seconds| {
        let link = link(&[], seconds);
        link.split('&').find_map(|part| part.strip_prefix("X-Amz-Expires=")).unwrap().to_owned()
    };
    assert_eq!([life(2_592_000), life(60), life(0), life(-5), life(i64::MAX)], ["604800", "60", "1", "1", "604800"]);
}

#[test]
fn none_is_a_start_without_links_and_some_is_no_start() {
    assert!(ObjectStore::from_settings(|_| None).unwrap().is_none());
    assert!(ObjectStore::from_settings(|name| (name == "APPLIANCE_ISO_KEY").then(|| "x".into())).unwrap().is_none());
    for (name, _) in SETTINGS {
        let error = with(&[(name, " ")]).unwrap_err();
        assert_eq!(error, ObjectStoreError::Partial { missing: name });
        assert!(error.to_string().contains(name) && !error.to_string().contains("secret-value"));
    }
}

#[test]
fn an_endpoint_is_an_origin() {
    for endpoint in [
        "x",
        "ftp://a.example",
        "https://a.example/b",
        "https://a.example?x",
        "https://u@a.example",
        "https://a.example#f",
    ] {
        assert_eq!(with(&[("OBJECT_STORE_ENDPOINT", endpoint)]).unwrap_err(), ObjectStoreError::Endpoint, "{endpoint}");
    }
}

#[test]
fn the_secret_is_not_shown() {
    assert!(!format!("{:?}", with(&[]).unwrap()).contains("secret-value"));
}
