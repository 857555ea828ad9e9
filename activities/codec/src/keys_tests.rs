//! The file of keys while it changes.

use super::*;
use crate::fixture::{Log, file};

/// A folder with a file, keys that watch it, and a clock that is moved by hand.
struct Bench {
    folder: tempfile::TempDir,
    keys: WatchedKeys,
    now: Instant,
}

impl Bench {
    fn new(ids: &[(&str, u8)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("keys"), file(ids)).unwrap();
        let keys = WatchedKeys::open(folder.path().join("keys")).unwrap();
        let now = keys.lock().looked;
        Self { folder, keys, now }
    }

    /// Puts another file in its place, as a mounted secret is replaced.
    fn replace(&self, text: &str) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, &self.keys.path).unwrap();
    }

    #[track_caller]
    fn check(&mut self, after: Duration, ids: &[&str]) {
        self.now += after;
        let keys = self.keys.at(self.now);
        let found: Vec<_> = keys.ids().map(|id| id.as_str().to_owned()).collect();
        assert_eq!(found, ids);
    }
}

#[test]
fn a_new_key_is_seen_at_the_next_look_and_not_before() {
    let mut bench = Bench::new(&[("a", 1)]);
    bench.replace(&file(&[("a", 1), ("b", 2)]));
    bench.check(LOOK_EVERY - Duration::from_millis(1), &["a"]);
    bench.check(Duration::from_millis(1), &["a", "b"]);
    bench.replace(&file(&[("b", 2), ("c", 3)]));
    bench.check(Duration::ZERO, &["a", "b"]);
    bench.check(LOOK_EVERY, &["b", "c"]);
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let bench = Bench::new(&[("a", 1)]);
    let first = bench.keys.at(bench.now);
    assert!(Arc::ptr_eq(&first, &bench.keys.at(bench.now + 5 * LOOK_EVERY)));
}

#[test]
fn a_file_of_the_same_length_and_date_is_another_one() {
    let mut bench = Bench::new(&[("a", 1)]);
    let date = std::fs::metadata(&bench.keys.path).unwrap().modified().unwrap();
    bench.replace(&file(&[("b", 2)]));
    std::fs::File::options().write(true).open(&bench.keys.path).unwrap().set_modified(date).unwrap();
    bench.check(LOOK_EVERY, &["b"]);
}

#[test]
fn a_broken_or_missing_file_leaves_the_last_keys_and_is_told_once() {
    let (log, _guard) = Log::listen();
    let mut bench = Bench::new(&[("a", 1)]);
    let secret = file(&[("a", 7)]);
    bench.replace(&format!("{secret}{secret}"));
    for _ in 0..3 {
        bench.check(LOOK_EVERY, &["a"]);
    }
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("ERROR") && lines[0].contains("line 2: the id or the key is there already"), "{lines:?}");
    assert!(!lines[0].contains(secret.split(' ').nth(1).unwrap().trim()), "{lines:?}");

    std::fs::remove_file(&bench.keys.path).unwrap();
    for _ in 0..3 {
        bench.check(LOOK_EVERY, &["a"]);
    }
    assert_eq!(log.take().len(), 1);

    bench.replace(&file(&[("a", 1), ("b", 2)]));
    bench.check(LOOK_EVERY, &["a", "b"]);
    let lines = log.take();
    assert!(lines.len() == 1 && lines[0].contains("INFO") && lines[0].contains("b encrypts from now on"), "{lines:?}");
}

#[test]
fn nothing_starts_without_keys_and_nothing_shows_them() {
    let bench = Bench::new(&[("a", 1)]);
    assert_eq!(format!("{:?}", bench.keys), "WatchedKeys(SealingKeys[\"a\"])");
    let missing = WatchedKeys::open(bench.folder.path().join("none"));
    assert!(matches!(missing, Err(KeyFileError::Unreadable(_))));
    std::fs::write(bench.folder.path().join("empty"), "").unwrap();
    assert!(matches!(WatchedKeys::open(bench.folder.path().join("empty")), Err(KeyFileError::NoSealingKey)));
}
