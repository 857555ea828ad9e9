//! A verifier written for Node.js (tests/interop/license.mjs) and ours say the same of tokens of ours, good and changed.

use credentials::KeyId;
use data_encoding::BASE64URL_NOPAD;
use futures::executor::block_on;
use license::signer::{DevelopmentSigner, LicenseSigner as _, sign_license};
use license::verifier::Verifier;
use model::license::claims::{LicenseClaims, TenantId};
use model::license::edition::{Tier, Transport};
use model::license::token::{Audience, Terms, UncheckedToken};
use model::license::token_keys::{TestKeys, TrustSet, TrustedKey};
use serde_json::json;
use std::io::{ErrorKind, Write as _};
use std::num::NonZeroU64;
use std::process::{Command, Stdio};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const NOW: i64 = 1_800_000_000;
const KID: &str = "v1-test";

fn signer(text: &str) -> DevelopmentSigner {
    DevelopmentSigner::from_text(KeyId::parse(KID).expect("an id"), text).expect("a key")
}

fn claims() -> LicenseClaims {
    LicenseClaims {
        subject: "lic_abcdefghijklmnopqrstuvwxyz".to_owned(),
        customer: "Société \"Müller\" \u{1f980}\u{2028}".to_owned(),
        tier: Tier::Pro,
        seats: NonZeroU64::new(25),
        tenant: TenantId::parse(TENANT).expect("a UUID"),
        issued_at: NOW - 100,
        expires_at: LicenseClaims::expiry(Transport::Connected, NOW - 100),
    }
}

fn token(signer: &DevelopmentSigner, claims: &LicenseClaims) -> String {
    block_on(sign_license(signer, claims)).expect("signed").expose().to_owned()
}

/// None where Node.js is not installed.
fn node(tokens: &[String], spki: &str) -> Option<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/license.mjs");
    let started = Command::new("node").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("node does not start: {error}"),
    };
    let request = json!({"keys": {KID: spki}, "tenant": TENANT, "now": NOW, "tokens": tokens});
    let mut input = child.stdin.take().expect("standard input");
    input.write_all(request.to_string().as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "node failed");
    Some(serde_json::from_slice(&output.stdout).expect("a list of words"))
}

fn ours(text: &str, trust: &TrustSet) -> &'static str {
    let tenant = TenantId::parse(TENANT).expect("a UUID");
    let terms = Terms { now: NOW, audience: Audience::Tenant(&tenant) };
    match UncheckedToken::new(text).verify(trust, &Verifier::new(0), terms) {
        Ok(_) => "valid",
        Err(failure) => failure.as_str(),
    }
}

#[test]
fn both_verifiers_say_the_same() {
    let mine = signer("interop");
    let good = token(&mine, &claims());
    let mut tokens = vec![good.clone()];
    let mut expected = vec!["valid"];
    let mut add = |text: String, word: &'static str| {
        tokens.push(text);
        expected.push(word);
    };
    // Both values of s come up among these.
    for seats in 0..32 {
        add(token(&mine, &LicenseClaims { seats: NonZeroU64::new(seats), ..claims() }), "valid");
    }
    let other = TenantId::parse("99999999-2222-4333-8444-555555555555").unwrap();
    add(token(&mine, &LicenseClaims { tenant: other, ..claims() }), "wrong_tenant");
    add(token(&mine, &LicenseClaims { expires_at: NOW - 60, ..claims() }), "expired");
    add(token(&mine, &LicenseClaims { expires_at: NOW - 59, ..claims() }), "valid");
    add(token(&mine, &LicenseClaims { issued_at: NOW + 61, ..claims() }), "malformed");
    add(token(&signer("another"), &claims()), "bad_signature");
    let (rest, signature) = good.rsplit_once('.').unwrap();
    for tail in ["", "=", "\n", " ", "A", "."] {
        add(
            format!("{good}{tail}"),
            match tail {
                "" => "valid",
                "." => "malformed",
                _ => "bad_signature",
            },
        );
    }
    add(format!("{rest}.{}", &signature[..85]), "bad_signature");
    let header =
        |text: &str| format!("{}.{}", BASE64URL_NOPAD.encode(text.as_bytes()), good.split_once('.').unwrap().1);
    add(header(r#"{"alg":"ES256","kid":"constructor"}"#), "unknown_kid");
    add(header(r#"{"alg":"none","kid":"v1-test"}"#), "bad_signature");
    add(header(r#"{"alg":"ES256","kid":"v1-test","crit":[]}"#), "malformed");
    // Every byte changed, and every last bit of it.
    for at in 0..good.len() {
        for byte in [good.as_bytes()[at] ^ 1, b'A', b'=', b'.'] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = byte;
            tokens.push(String::from_utf8(bytes).unwrap());
        }
    }
    let trust = [(KID.to_owned(), TrustedKey::always(mine.public_key()))];
    let trust = TrustSet::new(trust, TestKeys::Accepted);
    let Some(theirs) = node(&tokens, &mine.public_key().to_spki()) else {
        println!("not run: node is not installed");
        return;
    };
    assert_eq!(theirs.len(), tokens.len());
    for (index, (text, word)) in tokens.iter().zip(&theirs).enumerate() {
        assert_eq!(ours(text, &trust) == "valid", word == "valid", "{index}: {word} by node, {text:?}");
        assert_eq!(word == "valid", *text == good || expected.get(index) == Some(&"valid"), "{index}: {text:?}");
        if let Some(expected) = expected.get(index) {
            assert_eq!((ours(text, &trust), word.as_str()), (*expected, *expected), "{index}: {text:?}");
        }
    }
}
