//! A file that changes, breaks and vanishes. What follows on what is tested with the key rings.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads a number; counts how often.
fn open(path: &Path) -> (Watched<u32>, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let watched = Watched::open(path.to_owned(), move |path: &Path, _: Option<&u32>| {
        count.fetch_add(1, Ordering::Relaxed);
        let text = read_text(path, 8)?;
        text.trim().parse().map_err(|_| FileError::NotText)
    });
    (watched.unwrap(), reads)
}

#[test]
fn a_change_is_seen_at_the_next_look_and_what_cannot_be_used_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("number");
    let put = |text: &str| {
        let draft = folder.path().join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, &path).unwrap();
    };
    put("1");
    let (watched, reads) = open(&path);
    let mut now = watched.lock().looked;
    let mut after = |time| {
        now += time;
        *watched.at(now)
    };
    put("2");
    assert_eq!(after(LOOK_EVERY - Duration::from_millis(1)), 1);
    assert_eq!(after(Duration::from_millis(1)), 2);
    put("x");
    assert_eq!([after(LOOK_EVERY), after(LOOK_EVERY)], [2, 2]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!([after(LOOK_EVERY), after(LOOK_EVERY)], [2, 2]);
    assert_eq!(reads.load(Ordering::Relaxed), 6, "two good versions once, the others at every look");
    put("3");
    assert_eq!([after(LOOK_EVERY), after(LOOK_EVERY)], [3, 3]);
    assert_eq!(reads.load(Ordering::Relaxed), 7);
}

#[test]
fn a_text_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "12345678").unwrap();
    assert_eq!(read_text(&path, 8).unwrap().as_str(), "12345678");
    assert!(matches!(read_text(&path, 7), Err(FileError::NotText)));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(read_text(&path, 8), Err(FileError::NotText)));
    assert!(matches!(read_text(&folder.path().join("none"), 8), Err(FileError::Unreadable(_))));
}
