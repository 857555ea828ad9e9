//! What a signer writes.

use super::*;

fn claims() -> LicenseClaims {
    LicenseClaims {
        subject: "lic_tv0001".to_owned(),
        customer: "Acme MSP".to_owned(),
        tier: Tier::Pro,
        seats: NonZeroU64::new(25),
        tenant: TenantId::parse("11111111-2222-4333-8444-555555555555").unwrap(),
        issued_at: 1_767_225_600,
        expires_at: 4_070_908_800,
    }
}

/// The payload of the interop vector (contract, section 6.3).
#[test]
fn the_payload_is_that_of_the_vector() {
    let expected = concat!(
        r#"{"iss":"nineminds-license","sub":"lic_tv0001","cust":"Acme MSP","tier":"pro","seats":25,"#,
        r#""aud":"11111111-2222-4333-8444-555555555555","iat":1767225600,"exp":4070908800}"#
    );
    assert_eq!(claims().to_payload().unwrap(), expected);
}

#[test]
fn unlimited_seats_are_left_out_and_names_are_escaped() {
    let claims = LicenseClaims { seats: None, customer: "A \"B\"\n\u{e9}".to_owned(), ..claims() };
    let payload = claims.to_payload().unwrap();
    assert!(!payload.contains("seats"), "{payload}");
    assert!(payload.contains("\"cust\":\"A \\\"B\\\"\\n\u{e9}\""), "{payload}");
}

#[test]
fn what_no_verifier_accepts_is_not_signed() {
    let refused = |claims: LicenseClaims| claims.to_payload().unwrap_err();
    assert_eq!(refused(LicenseClaims { subject: String::new(), ..claims() }), ClaimsError::NoSubject);
    assert_eq!(refused(LicenseClaims { customer: String::new(), ..claims() }), ClaimsError::NoCustomer);
    assert_eq!(refused(LicenseClaims { tier: Tier::Solo, ..claims() }), ClaimsError::TierNotSellable);
    assert_eq!(refused(LicenseClaims { tier: Tier::Essentials, ..claims() }), ClaimsError::TierNotSellable);
    assert_eq!(refused(LicenseClaims { expires_at: 1_767_225_600, ..claims() }), ClaimsError::Times);
    assert_eq!(refused(LicenseClaims { issued_at: -1, ..claims() }), ClaimsError::Times);
}

#[test]
fn an_expiry_follows_from_the_transport() {
    assert_eq!(LicenseClaims::expiry(Transport::Connected, 1_000), 1_000 + 31 * 86_400);
    assert_eq!(LicenseClaims::expiry(Transport::Airgap, 1_000), 1_000 + 365 * 86_400);
}

#[test]
fn sixty_seconds_of_skew() {
    assert!(is_in_force(1_000, 1_059) && !is_in_force(1_000, 1_060));
    assert!(!is_ahead(1_060, 1_000) && is_ahead(1_061, 1_000));
    assert!(is_in_force(i64::MAX, i64::MAX - 1) && !is_ahead(i64::MIN, i64::MAX));
}

#[test]
fn a_tenant_id_is_a_uuid_in_lower_case() {
    let id = TenantId::parse("AAAAAAAA-2222-4333-8444-55555555555F").unwrap();
    assert_eq!(id.as_str(), "aaaaaaaa-2222-4333-8444-55555555555f");
    for text in [
        "",
        "11111111222243338444555555555555",
        "11111111-2222-4333-8444-55555555555",
        "11111111-2222-4333-8444-5555555555555",
        "{11111111-2222-4333-8444-555555555555}",
        "1111111--2222-4333-8444-555555555555",
        "g1111111-2222-4333-8444-555555555555",
        " 1111111-2222-4333-8444-555555555555",
    ] {
        assert_eq!(TenantId::parse(text), Err(NotATenantId), "{text}");
    }
    let json = r#""aaaaaaaa-2222-4333-8444-55555555555f""#;
    assert_eq!(serde_json::to_string(&id).unwrap(), json);
    assert_eq!(serde_json::from_str::<TenantId>(json).unwrap(), id);
    assert!(serde_json::from_str::<TenantId>(r#""x""#).is_err());
}

#[test]
fn nothing_shows_the_customer() {
    assert!(!format!("{:?}", claims()).contains("Acme"));
}
