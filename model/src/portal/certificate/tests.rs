//! Every recorded case gives exactly one state and reason.

use super::*;
use crate::finding::AxisWord;
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cert-manager")
}

fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn facts(case: &Value) -> CertificateFacts {
    let list = |key: &str| case.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (requests, orders) = (list("certificateRequests"), list("orders"));
    let (challenges, events) = (list("challenges"), list("events"));
    CertificateFacts::from_objects(CertificateObjects {
        certificate: case.get("certificate"),
        requests: &requests,
        orders: &orders,
        challenges: &challenges,
        issuer_status: case.get("issuerStatus"),
        events: &events,
    })
}

/// When the newest object of a case was made.
fn recorded_ms(facts: &CertificateFacts) -> i64 {
    let c = facts.certificate.as_ref().unwrap();
    facts
        .orders
        .iter()
        .map(|o| o.created_ms)
        .chain(facts.requests.iter().map(|r| r.created_ms))
        .chain([c.created_ms, c.last_failure_ms])
        .max()
        .unwrap()
}

#[track_caller]
fn check(name: &str, after_s: i64, state: &str, reason: &str) {
    let facts = facts(&fixture(name));
    let now = facts.certificate.as_ref().map_or(0, |_| recorded_ms(&facts)) + after_s * 1000;
    let found = classify(&facts, now, 0);
    let words = (found.state.unwrap().word(), found.reason.map_or("", ReasonCode::as_str));
    assert_eq!(words, (state, reason), "{name} after {after_s} s: {found:#?}");
}

/// One row per recorded case: seconds after the newest object, state, reason.
const CASES: [(&str, i64, &str, &str); 27] = [
    ("00-in-progress", 2, "validating", ""),
    ("01-issued", 60, "issued", ""),
    ("02-renewing", 2, "renewing", ""),
    ("03-renewed", 60, "issued", ""),
    ("04-selfcheck-dns-elsewhere", 90, "validating", ""),
    ("05-selfcheck-nxdomain", 90, "validating", ""),
    ("06-selfcheck-404", 90, "validating", ""),
    ("07-selfcheck-other-site", 1799, "validating", ""),
    ("08-acme-dns-elsewhere", 5, "failed", "HTTP01_UNREACHABLE"),
    ("09-acme-nxdomain", 5, "failed", "HTTP01_UNREACHABLE"),
    ("10-acme-404", 5, "failed", "HTTP01_WRONG_CONTENT"),
    ("11-acme-caa", 5, "failed", "CAA_FORBIDS"),
    ("12-acme-rejected-identifier", 5, "failed", "HOST_POLICY_BLOCKED"),
    ("13-acme-rate-limited", 5, "failed", "ACME_RATE_LIMITED"),
    ("14-issuer-missing", 5, "ordering", "CERT_ISSUER_NOT_READY"),
    ("15-issuer-untrusted-ca", 5, "ordering", "CERT_ISSUER_NOT_READY"),
    ("16-challenge-not-scheduled-duplicate-host", 60, "queued", ""),
    ("17-issuer-acme-down-at-registration", 5, "ordering", "CERT_ISSUER_NOT_READY"),
    ("18-renewal-failed-still-valid", 5, "renewing", ""),
    ("19-solver-pod-forbidden-by-quota", 90, "validating", "CERT_ISSUER_NOT_READY"),
    ("20-acme-down-at-order", 30, "ordering", "ACME_CA_UNAVAILABLE"),
    ("21-acme-down-at-renewal", 30, "renewing", "ACME_CA_UNAVAILABLE"),
    ("22-acme-restarted-account-lost", 5, "failed", "CERT_ISSUER_NOT_READY"),
    ("23-acme-503", 30, "renewing", "ACME_CA_UNAVAILABLE"),
    ("24-issuer-no-solver-for-host", 5, "ordering", "CERT_ISSUER_NOT_READY"),
    ("25-invalid-dns-name-no-webhook", 5, "failed", "ACME_ORDER_INVALID"),
    ("26-solver-objects", 0, "none", ""),
];

#[test]
fn every_recorded_case_has_its_finding() {
    for (name, after_s, state, reason) in CASES {
        check(name, after_s, state, reason);
    }
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, CASES.len(), "a recorded case without a row");
}

#[test]
fn a_silent_or_slow_order_is_progress_until_its_deadline() {
    check("20-acme-down-at-order", 5, "ordering", "");
    check("19-solver-pod-forbidden-by-quota", 5, "validating", "");
    check("16-challenge-not-scheduled-duplicate-host", 5, "validating", "");
    check("06-selfcheck-404", 31 * 60, "validating", "CERT_STUCK");
    check("00-in-progress", 31 * 60, "validating", "CERT_ISSUER_NOT_READY");
}

#[test]
fn our_own_order_time_moves_the_deadline() {
    let facts = facts(&fixture("06-selfcheck-404"));
    let later = recorded_ms(&facts) + 40 * 60 * 1000;
    assert_eq!(classify(&facts, later, 0).reason, Some(ReasonCode::CertStuck));
    assert_eq!(classify(&facts, later, later - 60_000).reason, None);
}

#[test]
fn the_end_of_life_is_read_from_the_dates() {
    let day = 86_400;
    check("01-issued", 70 * day, "issued", "");
    check("01-issued", 76 * day, "expiring", "CERT_EXPIRING");
    check("01-issued", 91 * day, "expired", "CERT_EXPIRED");
    check("18-renewal-failed-still-valid", 6 * day - 600, "expiring", "CERT_EXPIRING");
}

#[test]
fn a_renewal_is_said_to_fail_from_its_second_failure_on() {
    let mut case = fixture("18-renewal-failed-still-valid");
    let found = |case: &Value| {
        let facts = facts(case);
        classify(&facts, recorded_ms(&facts) + 5_000, 0)
    };
    assert_eq!(found(&case).reason, None);
    case["certificate"]["status"]["failedIssuanceAttempts"] = 2.into();
    let second = found(&case);
    assert_eq!((second.state, second.reason), (Some(Renewing), Some(ReasonCode::CertRenewalFailing)));
    assert!(!second.vars["cause"].is_empty(), "{second:?}");
}

#[test]
fn a_rate_limit_names_its_instant() {
    let facts = facts(&fixture("13-acme-rate-limited"));
    assert_eq!(retry_at_ms(&facts), 1_795_637_803_000);
    assert_eq!(classify(&facts, recorded_ms(&facts), 0).vars["t"], "2026-11-25T20:16:43Z");
}

#[test]
fn a_condition_of_an_older_generation_is_progress() {
    let mut case = fixture("08-acme-dns-elsewhere");
    case["certificate"]["metadata"]["generation"] = 2.into();
    let facts = facts(&case);
    assert_eq!(classify(&facts, recorded_ms(&facts), 0).state, Some(Ordering));
}

#[test]
fn no_text_of_cert_manager_enters_the_evidence() {
    let facts = facts(&fixture("07-selfcheck-other-site"));
    let found = format!("{:?}", classify(&facts, recorded_ms(&facts), 0));
    assert!(!found.contains("0ENxQlbi9VHDysMoGq_STgWoSsUBumrNuCcxIhi4__E") && !found.contains("did not get"));
}

/// Removes, empties or replaces the value at one place of a tree.
fn mutate(value: &mut Value, path: &[usize], with: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = with.clone();
        return;
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let at = first % map.len();
            if let Some((_, inner)) = map.iter_mut().nth(at) {
                mutate(inner, rest, with);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = first % items.len();
            mutate(&mut items[at], rest, with);
        }
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            *value = with.clone();
        }
    }
}

fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(Value::Array(Vec::new())),
        Just(Value::Object(serde_json::Map::new())),
    ]
}

proptest! {
    #[test]
    fn mutated_objects_still_give_a_finding(
        case in 0..CASES.len(),
        changes in prop::collection::vec((prop::collection::vec(any::<usize>(), 1..7), any_leaf()), 1..8),
        now in any::<i64>(),
        ordered in any::<i64>(),
    ) {
        let mut value = fixture(CASES[case].0);
        for (path, with) in &changes {
            mutate(&mut value, path, with);
        }
        let facts = facts(&value);
        let found = classify(&facts, now, ordered);
        prop_assert!(found.state.is_some());
        let _ = retry_at_ms(&facts);
        // What is called usable has an end that lies ahead.
        if found.state.is_some_and(CertificateState::usable) {
            prop_assert!(facts.certificate.is_some_and(|c| c.not_after_ms > now));
        }
    }
}
