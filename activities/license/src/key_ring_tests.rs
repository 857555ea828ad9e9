//! Files of two keys, and what may follow on one.

use super::*;
use crate::watched::LOOK_EVERY;

fn line(id: &str, number: u8) -> String {
    let mut key = [number; KEY_BYTES];
    key[0] = 99;
    format!("{id} {}\n", BASE64.encode(&key))
}

fn ids(ring: &KeyRing) -> Vec<&str> {
    ring.ids().map(KeyId::as_str).collect()
}

#[test]
fn the_last_line_is_current_and_the_one_above_it_previous() {
    let text = format!("# keys\n\n{}  {}", line("a", 1), line("b", 2));
    let ring = KeyRing::parse(&text).unwrap();
    assert_eq!(ids(&ring), ["b", "a"]);
    assert_eq!(ring.current_id().as_str(), "b");
    assert_eq!(ids(&KeyRing::parse(&line("a", 1)).unwrap()), ["a"]);
    assert_eq!(format!("{ring:?}"), r#"KeyRing["b", "a"]"#);
}

#[track_caller]
fn wrong(text: &str, line: usize, fault: Fault) {
    match KeyRing::parse(text) {
        Err(KeyRingError::Line { line: found, fault: why }) => assert_eq!((found, why), (line, fault), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_line_is_named_without_its_content() {
    wrong("a", 1, Fault::NotTwoWords);
    wrong(&format!("{}x", line("a", 1).trim_end().to_owned() + " "), 1, Fault::NotTwoWords);
    wrong(&line("a/b", 1), 1, Fault::BadId);
    wrong("\na QUJD", 2, Fault::BadKey);
    wrong(&format!("a {}", BASE64.encode(&[5; 32])), 1, Fault::Placeholder);
    wrong(&format!("{}{}", line("a", 1), line("a", 2)), 2, Fault::Repeated);
    wrong(&format!("{}{}", line("a", 1), line("b", 1)), 2, Fault::Repeated);
    wrong(&format!("{}{}{}", line("a", 1), line("b", 2), line("c", 3)), 3, Fault::TooMany);
    assert!(matches!(KeyRing::parse("# none\n"), Err(KeyRingError::NoKey)));
}

#[test]
fn only_a_rotation_by_one_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, line("a", 1)).unwrap();
    let watched = WatchedKeyRing::open(&path).unwrap();
    let mut now = std::time::Instant::now();
    let mut after = |text: String| {
        let draft = folder.path().join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, &path).unwrap();
        now += LOOK_EVERY + LOOK_EVERY;
        ids(&watched.0.at(now)).join(" ")
    };
    assert_eq!(after(format!("{}{}", line("b", 2), line("c", 3))), "a", "two rotations at once lose live codes");
    assert_eq!(after(line("a", 2)), "a", "an id never names another key");
    assert_eq!(after("garbage".to_owned()), "a");
    assert_eq!(after(format!("{}{}", line("a", 1), line("b", 2))), "b a");
    assert_eq!(after(line("a", 1)), "b a", "the key that was current stays");
    assert_eq!(after(line("b", 2)), "b");
    assert_eq!(after(format!("{}{}", line("b", 2), line("c", 3))), "c b");
}

#[test]
fn errors_say_what_to_do_and_show_no_path() {
    let missing = WatchedKeyRing::open("/nowhere/keys").unwrap_err();
    assert!(missing.to_string().contains("check that it exists") && !missing.to_string().contains("nowhere"));
}
