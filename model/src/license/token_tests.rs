//! One fixture for every rule of section 6.2, in its order.

use super::*;
use crate::license::token_fixture::{
    HEADER, Hashes, NOW, TENANT, payload, signed, signed_bytes, trust, verify, verify_at,
};
use VerifyFailure::{BadSignature, Expired, Malformed, Unbound, UnknownKid, WrongTenant};
use data_encoding::BASE64URL_NOPAD;

const OTHER: &str = "99999999-2222-4333-8444-555555555555";

#[track_caller]
fn header(header: &str, expected: VerifyFailure) {
    assert_eq!(verify(&signed(header, &payload("", ""), 1)), Err(expected), "{header}");
}

#[track_caller]
fn claim(name: &str, value: &str, expected: Option<VerifyFailure>) {
    let found = verify(&signed(HEADER, &payload(name, value), 1));
    assert_eq!(found.as_ref().err().copied(), expected, "{name} = {value}");
}

#[test]
fn a_good_token_is_read() {
    let license = verify(&signed(HEADER, &payload("seats", "25"), 1)).unwrap();
    assert_eq!((license.kid(), license.subject(), license.customer()), ("v1", "lic_a", "Acme"));
    assert_eq!((license.tier(), license.seats()), (Tier::Pro, NonZeroU64::new(25)));
    assert_eq!((license.audience(), license.issued_at(), license.expires_at()), (Some(TENANT), NOW, NOW + 1_000));
    assert!(!license.is_perpetual());
}

#[test]
fn three_parts() {
    let good = signed(HEADER, &payload("", ""), 1);
    for text in ["", ".", "..", "a", "a.b", &format!("{good}."), &format!(".{good}"), &format!("{good}.a")] {
        assert_eq!(verify(text), Err(Malformed), "{text}");
    }
    assert_eq!(verify(&format!("{good}{}", "A".repeat(16 * 1024))), Err(Malformed));
}

#[test]
fn the_header_is_a_json_object_without_crit() {
    header("[]", Malformed);
    header("\"ES256\"", Malformed);
    header("", Malformed);
    header(r#"{"alg":"ES256","kid":"v1""#, Malformed);
    header(r#"{"alg":"ES256","kid":"v1","crit":["exp"],"exp":1}"#, Malformed);
    header(r#"{"alg":"ES256","kid":"v1","crit":null}"#, Malformed);
    header(r#"{"alg":"none","alg":"ES256","kid":"v1"}"#, Malformed);
    let good = signed(HEADER, &payload("", ""), 1);
    for text in [format!(" {good}"), format!("={good}"), format!("\n{good}"), good.replacen('e', "+", 1)] {
        assert_eq!(verify(&text), Err(Malformed));
    }
}

/// The form that is known by its bytes is read as any other one.
#[test]
fn a_header_that_begins_and_ends_as_ours_is_read_whole() {
    for (rest, expected) in [
        (r#"v1","crit":"x"#, Malformed),
        (r#"v1","kid":"v2"#, Malformed),
        (r#"v1","alg":"none"#, Malformed),
        (r#"v1"},{"kid":"v1"#, Malformed),
        ("v1\u{7f}", UnknownKid),
        ("v1\n", Malformed),
        (r"v1\n", UnknownKid),
        ("v9", UnknownKid),
        ("", UnknownKid),
    ] {
        header(&format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{rest}"}}"#), expected);
    }
    for kid in ["v1", r"\u0076\u0031"] {
        let usual = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{kid}"}}"#);
        assert_eq!(verify(&signed(&usual, &payload("", ""), 1)).unwrap().kid(), "v1", "{kid}");
    }
}

#[test]
fn an_object_prototype_is_no_key() {
    for kid in ["constructor", "__proto__", "toString", "hasOwnProperty", "", "V1", "v1 ", "v3"] {
        header(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), UnknownKid);
        header(&format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{kid}"}}"#), UnknownKid);
    }
    header(r#"{"alg":"ES256"}"#, UnknownKid);
    header(r#"{"alg":"ES256","kid":1}"#, UnknownKid);
    header(r#"{"alg":"ES256","kid":["v1"]}"#, UnknownKid);
    header(r#"{"alg":"ES256","kid":null}"#, UnknownKid);
}

#[test]
fn the_key_is_looked_for_before_the_algorithm() {
    header(r#"{"alg":"none","kid":"v3"}"#, UnknownKid);
}

#[test]
fn only_es256() {
    for alg in [r#""none""#, r#""HS256""#, r#""es256""#, r#""ES384""#, "null", "1", r#"["ES256"]"#] {
        header(&format!(r#"{{"alg":{alg},"kid":"v1"}}"#), BadSignature);
    }
    header(r#"{"kid":"v1"}"#, BadSignature);
}

#[test]
fn a_header_may_say_more() {
    let text = signed(r#"{"kid":"v1","alg":"ES256","jku":"https://evil.example","jwk":{}}"#, &payload("", ""), 1);
    assert!(verify(&text).is_ok(), "what is unsigned decides nothing, and what is not understood is left alone");
}

#[test]
fn the_signature_has_one_spelling_and_one_length() {
    let good = signed(HEADER, &payload("", ""), 1);
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let with = |signature: &str| verify(&format!("{rest}.{signature}"));
    assert!(with(signature).is_ok());
    for wrong in ["", " ", "A", &format!("{signature} "), &format!("{signature}\n"), &format!("{signature}==")] {
        assert_eq!(with(wrong), Err(BadSignature), "{wrong:?}");
    }
    assert_eq!(with(&format!("{}\n{}", &signature[..40], &signature[40..])), Err(BadSignature));
    assert_eq!(with(&BASE64URL_NOPAD.encode(&bytes[..63])), Err(BadSignature));
    assert_eq!(with(&BASE64URL_NOPAD.encode(&[bytes.as_slice(), &[0]].concat())), Err(BadSignature));
    // The last character of 86 carries two bits of the signature and four that must be zero.
    let (head, last) = signature.split_at(85);
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let expected = if last.starts_with(other) { None } else { Some(BadSignature) };
        assert_eq!(with(&format!("{head}{other}")).err(), expected, "{other}");
    }
}

#[test]
fn a_signature_in_standard_base64_or_der_is_none() {
    let good = signed(HEADER, &payload("", ""), 1);
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let standard = data_encoding::BASE64_NOPAD.encode(&bytes);
    if standard != signature {
        assert_eq!(verify(&format!("{rest}.{standard}")), Err(BadSignature));
    }
    let der = [&[0x30, 0x44, 0x02, 0x20], &bytes[..32], &[0x02, 0x20], &bytes[32..]].concat();
    assert_eq!(verify(&format!("{rest}.{}", BASE64URL_NOPAD.encode(&der))), Err(BadSignature));
}

#[test]
fn another_key_is_a_bad_signature() {
    assert_eq!(verify(&signed(HEADER, &payload("", ""), 2)), Err(BadSignature));
    assert!(verify(&signed(r#"{"alg":"ES256","kid":"v2"}"#, &payload("", ""), 2)).is_ok());
}

#[test]
fn the_signature_is_checked_before_the_payload_is_looked_at() {
    assert_eq!(verify(&signed(HEADER, "[]", 2)), Err(BadSignature));
    assert_eq!(verify(&signed(HEADER, &payload("exp", "1"), 2)), Err(BadSignature));
}

#[test]
fn the_payload_is_a_strict_json_object() {
    for text in ["", "[]", "null", "{", r#"{"iss":"nineminds-license"}"#] {
        assert_eq!(verify(&signed(HEADER, text, 1)), Err(Malformed), "{text}");
    }
    let twice = payload("", "").replacen('{', r#"{"tier":"pro","#, 1);
    assert_eq!(verify(&signed(HEADER, &twice, 1)), Err(Malformed));
    claim("other", "1.5", Some(Malformed));
    claim("other", r#"{"a":1,"a":1}"#, Some(Malformed));
    claim("other", r#"{"a":[1,null,"x"]}"#, None);
    assert_eq!(verify(&signed_bytes(HEADER.as_bytes(), &[b'{', 0xff, b'}'], 1)), Err(Malformed));
}

#[test]
fn the_issuer_is_exact() {
    for issuer in ["", r#""""#, r#""Nineminds-license""#, r#""nineminds-license ""#, "1", "null"] {
        claim("iss", issuer, Some(Malformed));
    }
    // Before the expiry: another issuer's token is malformed whenever it ends.
    let text = payload("iss", r#""other""#).replace(&(NOW + 1_000).to_string(), "1");
    assert_eq!(verify(&signed(HEADER, &text, 1)), Err(Malformed));
}

#[test]
fn not_before_has_the_same_skew() {
    claim("nbf", &(NOW + 60).to_string(), None);
    claim("nbf", &(NOW + 61).to_string(), Some(Malformed));
    for other in ["null", r#""1""#, "true", "9223372036854775808"] {
        claim("nbf", other, Some(Malformed));
    }
}

#[test]
fn an_expiry_counts_sixty_seconds_later_and_is_looked_at_before_the_shape() {
    let text = signed(HEADER, &payload("exp", "1800000100"), 1);
    assert!(verify_at(&text, 1_800_000_159).is_ok());
    assert_eq!(verify_at(&text, 1_800_000_160), Err(Expired));
    for other in ["", "null", r#""1900000000""#, "1900000000.0", "true", "18446744073709551615"] {
        claim("exp", other, Some(Malformed));
    }
    claim("exp", "0", Some(Expired));
    claim("exp", "-5", Some(Expired));
    let both = payload("tier", r#""gold""#).replace(&(NOW + 1_000).to_string(), "1");
    assert_eq!(verify(&signed(HEADER, &both, 1)), Err(Expired));
    // And before the audience.
    let other = payload("aud", &format!("\"{OTHER}\"")).replace(&(NOW + 1_000).to_string(), "1");
    assert_eq!(verify(&signed(HEADER, &other, 1)), Err(Expired));
}

#[test]
fn the_time_of_issue_is_required_and_not_ahead() {
    claim("iat", &(NOW + 60).to_string(), None);
    claim("iat", &(NOW + 61).to_string(), Some(Malformed));
    claim("iat", "0", None);
    for other in ["", "null", r#""0""#] {
        claim("iat", other, Some(Malformed));
    }
}

#[test]
fn subject_and_customer_are_texts_with_content() {
    for name in ["sub", "cust"] {
        for value in ["", r#""""#, "null", "5", r#"["a"]"#] {
            claim(name, value, Some(Malformed));
        }
    }
}

#[test]
fn the_tier_is_pro_under_either_name() {
    claim("tier", r#""premium""#, None);
    for value in ["", r#""essentials""#, r#""solo""#, r#""Pro""#, r#""""#, "null", "1"] {
        claim("tier", value, Some(Malformed));
    }
    let license = verify(&signed(HEADER, &payload("tier", r#""premium""#), 1)).unwrap();
    assert_eq!(license.tier(), Tier::Pro);
}

#[test]
fn seats_are_a_positive_integer_or_absent() {
    claim("seats", "1", None);
    claim("seats", "4294967296", None);
    for value in ["0", "-1", "1.0", "1e2", r#""25""#, "null", "true", "[25]", "{}", "18446744073709551615"] {
        claim("seats", value, Some(Malformed));
    }
    assert_eq!(verify(&signed(HEADER, &payload("", ""), 1)).unwrap().seats(), None);
}

#[test]
fn the_audience_is_the_tenant() {
    claim("aud", "", Some(Unbound));
    claim("aud", &format!("\"{OTHER}\""), Some(WrongTenant));
    claim("aud", r#""""#, Some(WrongTenant));
    claim("aud", r#""acme""#, Some(WrongTenant));
    for value in ["null", "1", &format!("[\"{TENANT}\"]")] {
        claim("aud", value, Some(Malformed));
    }
    // The shape of the others comes first.
    let both = payload("aud", &format!("\"{OTHER}\"")).replace(r#""pro""#, r#""gold""#);
    assert_eq!(verify(&signed(HEADER, &both, 1)), Err(Malformed));
}

#[test]
fn a_token_without_audience_counts_only_while_that_is_set() {
    let tenant = TenantId::parse(TENANT).unwrap();
    let until = UnboundUntil::parse("2027-01-15").unwrap();
    let end = 1_800_057_600;
    assert_eq!(until.end(), end, "the day itself is the last one");
    let audience = Audience::TenantOrUnbound { tenant: &tenant, until };
    let at = |name: &str, value: &str, now: i64| {
        let text = signed(HEADER, &payload(name, value).replace(&(NOW + 1_000).to_string(), "1900000000"), 1);
        UncheckedToken::new(text)
            .verify(&trust(), &Hashes, Terms { now, audience })
            .map(|license| license.audience().is_none())
    };
    assert_eq!(at("aud", "", end - 1), Ok(true));
    assert_eq!(at("aud", "", end), Err(Unbound));
    assert_eq!(at("", "", end), Ok(false));
    assert_eq!(at("aud", &format!("\"{OTHER}\""), end - 1), Err(WrongTenant), "it binds nobody else");
    for text in ["", "2027-1-15", "2027-02-30", "15.01.2027", "2027-01-15T00:00:00Z", "1800000000"] {
        assert_eq!(UnboundUntil::parse(text), None, "{text}");
    }
}

#[test]
fn an_inspection_skips_the_audience_and_nothing_else() {
    let inspect = |text: String| {
        let terms = Terms { now: NOW, audience: Audience::NotChecked };
        UncheckedToken::new(text).verify(&trust(), &Hashes, terms).map(|license| license.audience().map(str::to_owned))
    };
    assert_eq!(inspect(signed(HEADER, &payload("aud", &format!("\"{OTHER}\"")), 1)), Ok(Some(OTHER.to_owned())));
    assert_eq!(inspect(signed(HEADER, &payload("aud", ""), 1)), Ok(None));
    assert_eq!(inspect(signed(HEADER, &payload("aud", "null"), 1)), Err(Malformed));
    assert_eq!(inspect(signed(HEADER, &payload("exp", "1"), 1)), Err(Expired));
}

#[test]
fn uuids_are_compared_without_case() {
    let tenant = TenantId::parse("ABCDEFab-2222-4333-8444-555555555555").unwrap();
    let text = signed(HEADER, &payload("aud", r#""ABCDEFAB-2222-4333-8444-555555555555""#), 1);
    let terms = Terms { now: NOW, audience: Audience::Tenant(&tenant) };
    assert!(UncheckedToken::new(text).verify(&trust(), &Hashes, terms).is_ok());
}

#[test]
fn a_licence_without_an_end_is_known_by_its_date() {
    let perpetual = |exp: &str| verify(&signed(HEADER, &payload("exp", exp), 1)).unwrap().is_perpetual();
    assert!(perpetual("4102444800") && !perpetual("4102444799"));
}

#[test]
fn nothing_shows_token_or_customer() {
    let text = signed(HEADER, &payload("", ""), 1);
    assert_eq!(format!("{:?}", UncheckedToken::new(text.clone())), "UncheckedToken([REDACTED])");
    assert!(!format!("{:?}", verify(&text).unwrap()).contains("Acme"));
}

#[test]
fn reasons_are_the_words_of_the_contract() {
    let words: Vec<_> = VerifyFailure::ALL.iter().map(|failure| failure.as_str()).collect();
    assert_eq!(words, ["malformed", "unknown_kid", "bad_signature", "expired", "unbound", "wrong_tenant"]);
}
