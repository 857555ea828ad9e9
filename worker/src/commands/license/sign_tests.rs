//! What a file of claims may say.

use super::*;

const NOW: i64 = 1_800_000_000;
const GOOD: &str = r#"{"sub":"lic_a","cust":"Acme","tier":"premium","aud":"11111111-2222-4333-8444-555555555555""#;

fn with(rest: &str) -> Result<LicenseClaims, Failure> {
    claims(format!("{GOOD}{rest}}}").as_bytes(), NOW)
}

#[test]
fn times_follow_from_the_transport() {
    let read = with(r#","transport":"airgap""#).expect("claims");
    assert_eq!((read.issued_at, read.expires_at), (NOW, NOW + 365 * 86_400));
    assert_eq!((read.tier, read.seats), (Tier::Pro, None));
    let read = with(r#","iat":5,"transport":"connected","seats":3"#).expect("claims");
    assert_eq!((read.issued_at, read.expires_at, read.seats), (5, 5 + 31 * 86_400, NonZeroU64::new(3)));
}

#[test]
fn what_is_not_clear_is_refused_without_showing_it() {
    for rest in [
        "",
        r#","exp":9,"transport":"airgap""#,
        r#","exp":1.5"#,
        r#","exp":9,"seat":5"#,
        r#","exp":9,"seats":0"#,
        r#","exp":9,"seats":"Acme""#,
        r#","exp":9,"iss":"Acme""#,
        r#","exp":9,"exp":9"#,
        r#","transport":"connected-monthly""#,
    ] {
        let failure = with(rest).expect_err(rest);
        assert_eq!(failure.exit, Exit::Usage, "{rest}");
        let text = failure.to_string();
        assert!(text.starts_with("cannot use the file of --claims") && !text.contains("Acme"), "{text}");
    }
}
