use super::*;
use serde_json::{Value, json};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

fn register(value: Value) -> Result<RegisterAnswer, BadAnswer> {
    serde_json::from_value::<RegisterAnswerWire>(value).map_err(|_| BadAnswer)?.try_into()
}

fn paid() -> Value {
    json!({
        "tenant_id": TENANT, "edition": "pro", "company_name": "Acme", "contact_email": "a@acme.example",
        "appliance_credential": "0a".repeat(32), "first_jwt": "a.b.c", "check_in_url": "https://x.example/check-in",
    })
}

fn without(field: &str) -> Value {
    let mut value = paid();
    value.as_object_mut().unwrap().remove(field);
    value
}

#[test]
fn a_paid_answer_is_whole_or_refused() {
    assert_eq!(register(paid()).unwrap().edition, Edition::Pro);
    for field in ["appliance_credential", "first_jwt", "check_in_url", "tenant_id", "edition"] {
        assert!(register(without(field)).is_err(), "{field}");
    }
    for (field, value) in [
        ("appliance_credential", json!("0A".repeat(32))),
        ("appliance_credential", json!("0a".repeat(31))),
        ("first_jwt", json!("")),
        ("edition", json!("solo")),
        ("edition", json!("essentials")),
        ("tenant_id", json!("x")),
    ] {
        let mut wrong = paid();
        wrong[field] = value;
        assert!(register(wrong).is_err(), "{field}");
    }
}

#[test]
fn the_old_word_premium_is_pro_and_essentials_has_no_secrets() {
    let mut old = paid();
    old["edition"] = json!("premium");
    assert_eq!(register(old).unwrap().edition, Edition::Pro);
    let essentials = register(json!({ "tenant_id": TENANT, "edition": "essentials" })).unwrap();
    assert!(essentials.paid.is_none());
}

#[test]
fn an_answer_survives_storing() {
    let answer = register(paid()).unwrap();
    let stored = serde_json::to_value(RegisterAnswerWire::from(&answer)).unwrap();
    let mut expected = paid();
    for field in ["company_name", "contact_email"] {
        expected.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(stored, expected);
}

#[test]
fn a_request_says_only_what_it_has_to_say() {
    let mut request = RegisterRequest {
        code: "K7QPM2RX".into(),
        appliance_id: "appliance-1".to_owned(),
        expected_tenant: None,
        require_license: RequireLicense::No,
    };
    let body = |request: &RegisterRequest| serde_json::to_value(request.body()).unwrap();
    assert_eq!(body(&request), json!({ "claim_code": "K7QPM2RX", "appliance_id": "appliance-1" }));
    request.expected_tenant = Some(TENANT.parse().unwrap());
    request.require_license = RequireLicense::Yes;
    let expected = json!({
        "claim_code": "K7QPM2RX", "appliance_id": "appliance-1", "tenant_id": TENANT, "expected_tenant_id": TENANT,
        "require_license": true,
    });
    assert_eq!(body(&request), expected);
}

#[test]
fn a_check_in_answer_that_promises_a_token_has_one() {
    let read = |value: Value| -> Result<CheckInAnswer, BadAnswer> {
        serde_json::from_value::<CheckInAnswerWire>(value).map_err(|_| BadAnswer)?.try_into()
    };
    assert!(read(json!({ "status": "ok" })).is_err());
    assert!(read(json!({ "status": "fine" })).is_err());
    let answer = read(json!({ "status": "ok", "jwt": "a.b.c", "exp": 7, "now": 5, "keyset": "k" })).unwrap();
    assert!(answer.now == Some(5) && answer.keyset.as_deref() == Some("k"));
    assert!(answer.verdict == CheckInVerdict::Ok { token: "a.b.c".to_owned() });
    assert!(read(json!({ "status": "no_change", "exp": 7 })).unwrap().verdict == CheckInVerdict::NoChange);
    assert!(read(json!({ "status": "revoked" })).unwrap().verdict == CheckInVerdict::Revoked);
}

#[test]
fn nothing_secret_is_shown() {
    let request = RegisterRequest {
        code: "CANARYCODE".into(),
        appliance_id: "appliance-1".to_owned(),
        expected_tenant: None,
        require_license: RequireLicense::No,
    };
    let check_in = CheckInRequest { credential: "CANARYCRED".into(), current_sub: None, current_exp: None };
    let mut value = paid();
    value["first_jwt"] = json!("CANARYTOKEN");
    let answer = register(value).unwrap();
    let shown = format!("{request:?} {check_in:?} {answer:?} {:?}", answer.paid);
    assert!(!shown.contains("CANARY") && !shown.contains("0a0a"), "{shown}");
}
