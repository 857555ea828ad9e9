use super::*;
use crate::tenant::fault;
use proptest::prelude::*;
use serde_json::json;

fn minimal() -> Value {
    json!({ "tenantName": "Acme", "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": "Ada@Example.com" } })
}

#[track_caller]
fn check(patch: Value, expected: &str) {
    let mut input = minimal();
    for (field, value) in patch.as_object().unwrap() {
        match field.split_once('.') {
            Some((part, field)) => input[part][field] = value.clone(),
            None => input[field] = value.clone(),
        }
    }
    let got = parse(&input, None).map(|_| String::new()).unwrap_or_else(|faults| fault::line(&faults));
    assert_eq!(got, expected, "{patch}");
}

#[test]
fn a_minimal_input_gets_the_defaults() {
    let tenant = parse(&minimal(), None).unwrap();
    assert_eq!((tenant.company_name.as_str(), tenant.client_name.as_str()), ("Acme", "Acme"));
    assert_eq!(tenant.admin.email, "ada@example.com");
    assert_eq!((tenant.product, tenant.billing_source), (Product::Psa, BillingSource::Stripe));
    assert!(!tenant.admin.password.is_given());
}

#[test]
fn the_workflow_type_forces_its_product() {
    let mut input = minimal();
    input["productCode"] = json!("psa");
    assert_eq!(parse(&input, Some(Product::Algadesk)).unwrap().product, Product::Algadesk);
}

#[test]
fn every_fault_is_told_at_once_and_by_field() {
    let faults =
        parse(&json!({ "tenantName": " ", "adminUser": { "email": "x" }, "licenseCount": "5" }), None).unwrap_err();
    assert_eq!(
        fault::line(&faults),
        "adminUser.email: NOT_AN_ADDRESS; adminUser.firstName: REQUIRED; adminUser.lastName: REQUIRED; \
         licenseCount: NOT_AN_INTEGER; tenantName: REQUIRED"
    );
    assert_eq!(fault::details(&faults)[0], json!({ "field": "adminUser.email", "code": "NOT_AN_ADDRESS" }));
}

#[test]
fn fields_have_their_types_and_ranges() {
    check(json!({ "tenantName": 5 }), "tenantName: NOT_TEXT");
    check(json!({ "tenantName": "x".repeat(256) }), "tenantName: TOO_LONG");
    check(json!({ "tenantName": "a\r\nBcc: b" }), "tenantName: CONTROL_CHARACTER");
    check(json!({ "adminUser": "ada" }), "adminUser: NOT_AN_OBJECT");
    check(json!({ "adminUser": null }), "adminUser: REQUIRED");
    check(json!({ "adminUser.password": "short" }), "adminUser.password: OUT_OF_RANGE");
    check(
        json!({ "adminUser.password": "long enough", "adminUser.passwordRef": "x" }),
        "adminUser.password: CONTRADICTS passwordHash or passwordRef",
    );
    for odd in ["zz:00", "00:zz", "000:00", "00:000", ":00", "00:", "0000"] {
        check(json!({ "adminUser.passwordHash": odd }), "adminUser.passwordHash: BAD_FORM");
    }
    check(json!({ "adminUser.passwordHash": "00:00" }), "");
    check(json!({ "adminUser.passwordRef": "../etc/shadow" }), "adminUser.passwordRef: BAD_FORM");
    check(json!({ "tenantId": "abc" }), "tenantId: NOT_A_UUID");
    check(json!({ "tenantId": "00000000-0000-0000-0000-000000000000" }), "tenantId: NOT_A_UUID");
    check(json!({ "licenseCount": 0 }), "licenseCount: OUT_OF_RANGE");
    check(json!({ "licenseCount": 2.5 }), "licenseCount: NOT_AN_INTEGER");
    check(json!({ "licenseCount": 5.0 }), "");
    check(json!({ "plan": "Pro" }), "plan: UNKNOWN_WORD");
    check(json!({ "productCode": "desk" }), "productCode: UNKNOWN_WORD");
    check(json!({ "addons": "x" }), "addons: NOT_A_LIST");
    check(json!({ "addons": ["a b"] }), "addons: BAD_FORM");
    check(json!({ "skipWelcomeEmail": "yes" }), "skipWelcomeEmail: NOT_A_BOOLEAN");
    check(json!({ "checkoutSessionId": "a/b" }), "checkoutSessionId: BAD_FORM");
    check(json!({ "billingAddress": { "countryCode": "USA" } }), "billingAddress.countryCode: BAD_FORM");
    check(json!({ "billingAddress": { "countryCode": "us" } }), "");
    check(json!({ "unknownField": { "anything": [] } }), "");
}

#[test]
fn billing_is_consistent() {
    check(json!({ "billingSource": "apple_iap" }), "appleIap: NEEDED_WITH billingSource");
    check(
        json!({ "stripeSubscriptionId": "sub_1" }),
        "stripeCustomerId: NEEDED_WITH stripeSubscriptionId; stripePriceId: NEEDED_WITH stripeSubscriptionId",
    );
    check(json!({ "stripeSubscriptionId": "sub_1", "checkoutSessionId": "cs_1" }), "");
    check(json!({ "stripeSubscriptionId": "sub_1", "stripeCustomerId": "cus_1", "stripePriceId": "price_1" }), "");
    let apple = json!({ "originalTransactionId": "1", "productId": "p", "bundleId": "b", "environment": "Sandbox" });
    check(json!({ "appleIap": apple }), "appleIap: CONTRADICTS billingSource");
    check(json!({ "appleIap": apple, "billingSource": "apple_iap" }), "");
    check(
        json!({ "appleIap": { "environment": "Test" }, "billingSource": "apple_iap" }),
        "appleIap.bundleId: REQUIRED; appleIap.environment: UNKNOWN_WORD; appleIap.originalTransactionId: REQUIRED; \
         appleIap.productId: REQUIRED",
    );
}

#[test]
fn an_administrators_address_follows_the_one_rule() {
    for (text, follows) in crate::tenant::address::CASES {
        let input = json!({ "adminUser.email": text });
        // Around it blanks are taken off; what is left follows the rule or is no address.
        if text.trim() == text && !text.is_empty() && !text.contains(char::is_control) {
            check(input, if follows { "" } else { "adminUser.email: NOT_AN_ADDRESS" });
        }
    }
}

#[test]
fn debug_shows_no_password() {
    let mut input = minimal();
    input["adminUser"]["password"] = json!("canary-password");
    assert!(!format!("{:?}", parse(&input, None)).contains("canary"));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| serde_json::Number::from_f64(f).map_or(Value::Null, Value::Number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Every field of the contract.
const FIELDS: &[&str] = &[
    "tenantName",
    "adminUser",
    "adminUser.firstName",
    "adminUser.lastName",
    "adminUser.email",
    "adminUser.password",
    "adminUser.passwordHash",
    "adminUser.passwordRef",
    "tenantId",
    "companyName",
    "clientName",
    "contractLine",
    "emailProvider",
    "licenseCount",
    "plan",
    "productCode",
    "billingSource",
    "checkoutSessionId",
    "stripeCustomerId",
    "stripeSubscriptionId",
    "stripeSubscriptionItemId",
    "stripePriceId",
    "stripeBaseItemId",
    "stripeBasePriceId",
    "appleIap",
    "billingAddress",
    "addons",
    "skipCustomerTracking",
    "skipWelcomeEmail",
];

proptest! {
    #[test]
    fn whatever_comes_is_read_or_its_faults_are_told(field in prop::sample::select(FIELDS), value in any_json()) {
        let mut input = minimal();
        match field.split_once('.') {
            Some((part, field)) => input[part][field] = value.clone(),
            None => input[field] = value.clone(),
        }
        if let Err(faults) = parse(&input, None) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| fault.field.starts_with(field)), "{} {:?}", field, faults);
        }
    }

    #[test]
    fn no_fault_repeats_a_value(value in "[a-z]{20,40}") {
        let input = json!({ "tenantName": value, "adminUser": { "email": value, "password": value }, "tenantId": value,
            "plan": value, "licenseCount": value, "billingSource": value });
        let faults = parse(&input, None).unwrap_err();
        prop_assert!(!fault::line(&faults).contains(&value));
        prop_assert!(!fault::details(&faults).to_string().contains(&value));
    }
}
