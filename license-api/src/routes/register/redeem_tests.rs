//! The keyed hashes of a request: the same number over the same lengths, whatever the text is.

use super::*;
use crate::clock::Clock;
use crate::idempotency_key::OptionalKey;
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::random::SystemRandom;
use crate::secrets::{SecretSources, WatchedSecrets};
use crate::settings::{KeyFiles, Settings};
use crate::state::Parts;
use license::built_in::development_signer;
use model::license::install_code::{CodeLength, LENGTH_MIN};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

struct Standing;

impl Clock for Standing {
    fn unix_seconds(&self) -> i64 {
        1_800_000_000
    }
}

/// A service with two keys of each kind, as during a rotation, whose database is never asked.
fn state(folder: &std::path::Path, length: usize) -> AppState {
    let line = |id: &str, first: u8| {
        let bytes: [u8; 32] = std::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()));
        format!("{id} {}\n", data_encoding::BASE64.encode(&bytes))
    };
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let files = KeyFiles {
        signing: folder.join("none"),
        kid: "v1-test".to_owned(),
        mint: write("mint", line("m1", 1) + &line("m2", 2)),
        lookup: write("lookup", line("l1", 3) + &line("l2", 4)),
        sealing: write("sealing", line("hash", 5) + &line("s1", 6)),
        keyset: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(Standing);
    let secrets = SecretSources { current: Some("the-secret-of-a-test".into()), ..SecretSources::default() };
    AppState::new(Parts {
        pool: sqlx::PgPool::connect_lazy("postgres://127.0.0.1:1/none").unwrap(),
        secrets: WatchedSecrets::open(secrets, Instant::now()).unwrap(),
        keys: Keys::with_signer(Arc::new(development_signer()), &files, &clock).unwrap(),
        downloads: None,
        clock,
        random: Arc::new(SystemRandom),
        settings: Settings { code_length: CodeLength::new(length).unwrap(), ..Settings::default() },
        metrics: Metrics::new().unwrap(),
        drain: CancellationToken::new(),
    })
}

fn asked(text: &str) -> Asked {
    let body = RegisterRequest {
        claim_code: text.into(),
        appliance_id: "appliance-1".to_owned(),
        tenant_id: None,
        expected_tenant_id: None,
        require_license: None,
    };
    Asked { body, key: OptionalKey(None) }
}

#[tokio::test]
async fn a_text_that_is_no_code_is_hashed_as_often_as_a_code() {
    let folder = tempfile::tempdir().unwrap();
    for length in [LENGTH_MIN, 20] {
        let state = state(folder.path(), length);
        let good = "K7QPM2RXK7QPM2RXK7QP"[..length].to_owned();
        for (text, is_code) in [(good.as_str(), true), ("no code", false), ("", false), ("K7QPM2R!", false)] {
            let (asked, attempt) = (asked(text), Counted::default());
            let prepared = prepare(&state, &asked, &attempt);
            assert_eq!(prepared.is_code, is_code, "{text}");
            let ids = |hashes: &[KeyedHash]| hashes.iter().map(|hash| hash.key_id.to_string()).collect::<Vec<_>>();
            assert_eq!(ids(&prepared.code_hashes), ["l2", "l1"], "{text}");
            assert_eq!(ids(&prepared.fingerprints), ["l2", "l1"], "{text}");
        }
    }
}

#[tokio::test]
async fn what_stands_in_for_no_code_is_as_long_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path(), LENGTH_MIN);
    let attempt = Counted::default();
    let (malformed, zeros) = (asked("no code"), asked("00000000"));
    let (malformed, zeros) = (prepare(&state, &malformed, &attempt), prepare(&state, &zeros, &attempt));
    assert_eq!((malformed.is_code, zeros.is_code), (false, true));
    assert_eq!((malformed.code_hashes, malformed.fingerprints), (zeros.code_hashes, zeros.fingerprints));
}
