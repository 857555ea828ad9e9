//! What a licence costs one core: to sign, to verify, to verify again, and what an install code costs. `BENCH_TIMES` (2000)
//! times in each of `BENCH_ROUNDS` (7) rounds; the median of the rounds is told and compared with its budget.

use crate::measure::{median, number};
use anyhow::{Context as _, ensure};
use credentials::KeyId;
use futures::executor::block_on;
use license::codes::CodeKeys;
use license::key_ring::KeyRing;
use license::presign::{Get, Signer, presign};
use license::signer::{DevelopmentSigner, LicenseSigner as _, sign_license};
use license::verifier::Verifier;
use model::license::claims::{LicenseClaims, TenantId};
use model::license::edition::Tier;
use model::license::install_code::{CodeLength, InstallCode};
use model::license::token::{Audience, CheckSignature, Terms, UncheckedToken};
use model::license::token_keys::{TestKeys, TrustSet, TrustedKey};
use std::hint::black_box;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use uuid::Uuid;

/// Most microseconds that one may take.
const SIGN_MAX: f64 = 100.0;
const VERIFY_MAX: f64 = 120.0;
const VERIFY_AGAIN_MAX: f64 = 3.0;
/// The row whose code is minted.
const ROW: Uuid = Uuid::from_u128(0x1111_1111_2222_4333_8444_5555_5555_5555);
/// The time of every verification.
const NOW: i64 = 1_800_000_000;

/// Runs the program.
///
/// # Errors
/// Something is over its budget, in a release build.
pub fn run() -> anyhow::Result<()> {
    let signer = DevelopmentSigner::from_text(KeyId::parse("v1-test").context("an id")?, "bench")?;
    let tenant = TenantId::parse("11111111-2222-4333-8444-555555555555")?;
    let claims = LicenseClaims {
        subject: "lic_abcdefghijklmnopqrstuvwxyz".to_owned(),
        customer: "Acme Managed Services GmbH".to_owned(),
        tier: Tier::Pro,
        seats: NonZeroU64::new(25),
        tenant: tenant.clone(),
        issued_at: NOW,
        expires_at: NOW + 31 * 86_400,
    };
    let trust = [("v1-test".to_owned(), TrustedKey::always(signer.public_key()))];
    let trust = TrustSet::new(trust, TestKeys::Accepted);
    let token = block_on(sign_license(&signer, &claims))?;
    let terms = Terms { now: NOW, audience: Audience::Tenant(&tenant) };
    let (forgetful, mindful) = (Verifier::new(0), Verifier::default());
    let verify =
        |token: &UncheckedToken, signatures: &dyn CheckSignature| token.verify(&trust, signatures, terms).is_ok();
    ensure!(verify(&token, &forgetful) && verify(&token, &mindful), "the token of the bench must verify");

    let mut over = Vec::new();
    let mut tell = |what: &str, budget: Option<f64>, took: f64| {
        let limit = budget.map_or_else(String::new, |budget| format!(", at most {budget} µs"));
        println!("{what}: {took:.2} µs{limit}");
        if budget.is_some_and(|budget| took > budget) {
            over.push(what.to_owned());
        }
    };
    tell("sign", Some(SIGN_MAX), micros(|| block_on(sign_license(&signer, black_box(&claims)))));
    tell("verify", Some(VERIFY_MAX), micros(|| verify(black_box(&token), &forgetful)));
    tell("verify again", Some(VERIFY_AGAIN_MAX), micros(|| verify(black_box(&token), &mindful)));

    let keys = CodeKeys::new(ring("m1 ", 'A')?, ring("l1 ", 'B')?);
    let code = keys.mint(ROW, CodeLength::default(), 0);
    tell("mint a code", None, micros(|| keys.mint(black_box(ROW), CodeLength::default(), 0)));
    tell("look a code up", None, micros(|| keys.lookup_hashes(black_box(&code))));
    tell("read a typed code", None, micros(|| InstallCode::parse(black_box(" k7qp-m2rx "))));
    let store = Signer { access_key: "AKIA".into(), secret_key: "secret".into(), region: "us-east-1".into() };
    let get = Get { host: "store.example", path: "/images/appliance.iso", life_seconds: 60 };
    let at = SystemTime::UNIX_EPOCH;
    tell("presign", None, micros(|| presign(&store, black_box(get), at.into())));
    ensure!(over.is_empty() || cfg!(debug_assertions), "over the budget: {}", over.join(", "));
    Ok(())
}

/// Median of some rounds, in microseconds for one call.
fn micros<T>(mut call: impl FnMut() -> T) -> f64 {
    let (times, rounds) = (number("BENCH_TIMES", 2_000).max(1), number("BENCH_ROUNDS", 7).max(1));
    let one_round = |_| {
        let begin = Instant::now();
        (0..times).for_each(|_| drop(black_box(call())));
        begin.elapsed().as_secs_f64() * 1e6 / times as f64
    };
    median(&(0..rounds).map(one_round).collect::<Vec<_>>())
}

fn ring(start: &str, letter: char) -> anyhow::Result<Arc<KeyRing>> {
    let text = format!("{start}{}Q{}=", letter.to_string().repeat(20), "A".repeat(22));
    Ok(Arc::new(KeyRing::parse(&text).context("a ring of the bench")?))
}
