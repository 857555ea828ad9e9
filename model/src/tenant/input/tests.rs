use super::*;
use crate::tenant::fault::{self, Fault};
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
    for blank in ["", " "] {
        check(
            json!({ "stripeSubscriptionId": "sub_1", "stripeCustomerId": "cus_1", "stripePriceId": blank }),
            "stripePriceId: NEEDED_WITH stripeSubscriptionId",
        );
    }
    check(
        json!({ "stripeSubscriptionId": "sub_1", "stripeCustomerId": "cus_1", "stripePriceId": "a/b" }),
        "stripePriceId: BAD_FORM",
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
    for (text, _, mailable) in crate::tenant::address::CASES {
        let input = json!({ "adminUser.email": text });
        // Around it blanks are taken off; what is left follows the rule or is no address.
        if text.trim() == text && !text.is_empty() && !text.contains(char::is_control) {
            check(input, if mailable { "" } else { "adminUser.email: NOT_AN_ADDRESS" });
        }
    }
}

#[test]
fn an_input_has_a_size() {
    // Beside it stand the other fields and the member's own name.
    let mut input = minimal();
    input["unknown"] = json!("");
    let rest = input.to_string().len();
    let with = |quotes: usize| json!({ "unknown": format!("{}x", "\"".repeat(quotes)) });
    // In JSON a quote takes two bytes.
    check(with((256 * 1024 - rest - 1) / 2), "");
    check(with((256 * 1024 - rest - 1) / 2 + 1), "$: TOO_LONG");
    check(with(900_000), "$: TOO_LONG");
}

#[test]
fn instants_are_those_that_the_database_can_hold() {
    let apple = |at: &str| {
        json!({ "billingSource": "apple_iap", "appleIap": { "originalTransactionId": "1", "productId": "p",
            "bundleId": "b", "environment": "Sandbox", "expiresAt": at } })
    };
    for odd in [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2027-01-15T08:00:00+16:00",
        "2027-01-15T08:00:00-23:59",
        "2027-13-15T08:00:00Z",
        "2027-01-15",
        "now",
    ] {
        check(apple(odd), "appleIap.expiresAt: BAD_FORM");
    }
    for (given, read) in [
        ("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z"),
        ("2027-01-15t08:00:00.125z", "2027-01-15T08:00:00.125Z"),
        ("2027-01-15T08:00:00+15:59", "2027-01-14T16:01:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        let mut input = minimal();
        input["billingSource"] = json!("apple_iap");
        input["appleIap"] = apple(given)["appleIap"].clone();
        assert_eq!(parse(&input, None).unwrap().apple_iap.unwrap().expires_at, read);
    }
}

#[test]
fn what_is_carried_is_what_was_read_without_the_password() {
    let mut input = minimal();
    input["noise"] = json!("\"".repeat(1000));
    input["tenantName"] = json!(format!("Acme{}", " ".repeat(5000)));
    input["addons"] = json!(["b", "a", "b"]);
    input["adminUser"]["noise"] = json!({ "deep": [1, 2, 3] });
    input["adminUser"]["password"] = json!("canary-password");
    let (carried, withheld) = parse(&input, Some(Product::Algadesk)).unwrap().carried();
    let expected = json!({ "tenantName": "Acme", "clientName": "Acme", "productCode": "algadesk", "billingSource": "stripe",
        "addons": ["a", "b"], "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": "ada@example.com" } });
    assert_eq!((carried, withheld), (expected, true));
    input["adminUser"] = json!({ "firstName": "Ada", "lastName": "Byron", "email": "a@b.c", "passwordHash": "00:00" });
    let (carried, withheld) = parse(&input, None).unwrap().carried();
    assert!(withheld && !carried.to_string().contains("00:00"), "{carried}");
    input["adminUser"] = json!({ "firstName": "Ada", "lastName": "Byron", "email": "a@b.c", "passwordRef": "initial" });
    let (carried, withheld) = parse(&input, None).unwrap().carried();
    assert_eq!((&carried["adminUser"]["passwordRef"], withheld), (&json!("initial"), false));
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
        // Blank is absent, a word of a shape of ours is not: neither is found by chance.
        prop::sample::select(vec!["", " ", "a", "Ab", "cs_1", "11111111-2222-4333-8444-555555555555"])
            .prop_map(Value::from),
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

/// An input with every field.
fn whole() -> Value {
    json!({ "tenantName": "Acme", "companyName": "Acme Ltd", "clientName": "Acme Client", "contractLine": "gold",
        "tenantId": "11111111-2222-4333-8444-55555555555A", "emailProvider": "smtp", "licenseCount": 5, "plan": "solo",
        "productCode": "psa", "billingSource": "apple_iap", "checkoutSessionId": "cs_1", "stripeCustomerId": "cus_1",
        "stripeSubscriptionId": "sub_1", "stripeSubscriptionItemId": "si_1", "stripePriceId": "price_1",
        "stripeBaseItemId": "si_2", "stripeBasePriceId": "price_2", "addons": ["x"], "skipCustomerTracking": true,
        "skipWelcomeEmail": true,
        "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": "Ada@Example.com" },
        "appleIap": { "originalTransactionId": "1", "productId": "p", "bundleId": "b", "environment": "Sandbox",
            "appAccountToken": "11111111-2222-4333-8444-55555555555A", "latestTransactionId": "2",
            "expiresAt": "2027-01-15T08:00:00+01:00", "originalPurchaseAt": "2026-01-15T08:00:00Z" },
        "billingAddress": { "line1": "1 Way", "line2": "2", "city": "Oslo", "state": "O", "postalCode": "1", "countryCode": "no",
            "phone": "+47" } })
}

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
            let blames = |fault: &Fault| fault.field.starts_with(field) || fault.with == field;
            prop_assert!(faults.iter().all(blames), "{} {:?}", field, faults);
        }
    }

    #[test]
    fn what_is_carried_reads_as_the_same_request(field in prop::sample::select(FIELDS), value in any_json()) {
        let mut input = whole();
        match field.split_once('.') {
            Some((part, field)) => input[part][field] = value,
            None => input[field] = value,
        }
        for product in [None, Some(Product::Algadesk)] {
            let Ok(tenant) = parse(&input, product) else { continue };
            let carried = tenant.carried().0;
            let again = parse(&carried, Some(tenant.product)).map_err(|faults| TestCaseError::fail(fault::line(&faults)))?;
            prop_assert_eq!(again.carried(), (carried, false));
            let shown = |tenant: &NewTenant| {
                let admin = NewAdmin { password: GivenPassword::None, ..tenant.admin.clone() };
                format!("{:?}", NewTenant { admin, ..tenant.clone() })
            };
            prop_assert_eq!(shown(&again), shown(&tenant));
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
