//! The order of the checks, one case per step and one per pair of neighbours.

use super::super::budget::Disclosure;
use super::*;

const OURS: &str = "11111111-2222-4333-8444-555555555555";
const OTHER: &str = "99999999-2222-4333-8444-555555555555";

fn id(text: &str) -> TenantId {
    TenantId::parse(text).unwrap()
}

fn request() -> RedeemRequest {
    RedeemRequest {
        appliance: ApplianceId::parse("appliance-1"),
        named_tenant: None,
        expected_tenant: None,
        need: LicenseNeed::Optional,
    }
}

fn paid() -> CodeFacts {
    CodeFacts {
        state: CodeState::Live,
        tenant: Some(id(OURS)),
        registered: Some(TenantFacts {
            id: id(OURS),
            status: TenantStatus::Registered,
            edition: Edition::Pro,
            has_other_entitlement: false,
        }),
        entitlement: Some(EntitlementFacts { tenant: Some(id(OURS)), active: true }),
        key: KeyUse::Fresh,
    }
}

/// A code of an old subscription.
fn old() -> CodeFacts {
    CodeFacts { tenant: None, entitlement: Some(EntitlementFacts { tenant: None, active: true }), ..paid() }
}

fn essentials() -> CodeFacts {
    let registered = paid().registered.map(|row| TenantFacts { edition: Edition::Essentials, ..row });
    CodeFacts { registered, entitlement: None, ..paid() }
}

fn with_status(code: CodeFacts, status: TenantStatus) -> CodeFacts {
    let registered = code.registered.clone().map(|row| TenantFacts { status, ..row });
    CodeFacts { registered, ..code }
}

fn named(text: &str) -> RedeemRequest {
    RedeemRequest { named_tenant: NamedTenant::parse(Some(text)), ..request() }
}

fn expecting(text: &str) -> RedeemRequest {
    RedeemRequest { expected_tenant: NamedTenant::parse(Some(text)), ..request() }
}

#[track_caller]
fn refused(request: &RedeemRequest, code: &CodeFacts, expected: Rejection) {
    assert_eq!(decide(request, Some(code)), Decision::Refuse(expected));
}

#[track_caller]
fn redeemed(request: &RedeemRequest, code: &CodeFacts, grant: Grant) {
    assert_eq!(decide(request, Some(code)), Decision::Redeem { tenant: id(OURS), grant });
}

#[test]
fn a_live_code_gives_what_it_stands_for() {
    redeemed(&request(), &paid(), Grant::License);
    redeemed(&request(), &essentials(), Grant::Identity);
}

#[test]
fn the_appliance_id_is_checked_before_the_code() {
    let request = RedeemRequest { appliance: None, ..request() };
    assert_eq!(decide(&request, None), Decision::Refuse(Rejection::InvalidApplianceId));
    refused(&request, &CodeFacts { state: CodeState::Expired, ..paid() }, Rejection::InvalidApplianceId);
}

#[test]
fn an_unknown_code_is_invalid() {
    assert_eq!(decide(&request(), None), Decision::Refuse(Rejection::InvalidClaimCode));
}

#[test]
fn the_state_of_the_code_comes_before_its_tenant() {
    let states = [
        (CodeState::Consumed, Rejection::ConsumedClaimCode),
        (CodeState::Revoked, Rejection::SupersededClaimCode),
        (CodeState::Expired, Rejection::ExpiredClaimCode),
    ];
    for (state, rejection) in states {
        let code = CodeFacts { state, ..paid() };
        refused(&request(), &code, rejection);
        refused(&expecting(OTHER), &with_status(code, TenantStatus::Suspended), rejection);
    }
}

#[test]
fn the_tenants_status_comes_before_what_the_request_expects() {
    for status in [TenantStatus::Suspended, TenantStatus::Cancelled] {
        refused(&expecting(OTHER), &with_status(paid(), status), Rejection::TenantSuspended);
        refused(&named(OURS), &with_status(old(), status), Rejection::TenantSuspended);
    }
    for status in [TenantStatus::Registered, TenantStatus::Installed, TenantStatus::Active] {
        redeemed(&request(), &with_status(paid(), status), Grant::License);
    }
}

#[test]
fn an_expected_tenant_comes_before_a_required_licence() {
    let request = RedeemRequest { need: LicenseNeed::Required, ..expecting(OTHER) };
    refused(&request, &essentials(), Rejection::TenantMismatch);
    refused(&expecting("no uuid"), &paid(), Rejection::TenantMismatch);
    redeemed(&expecting(&OURS.to_uppercase()), &paid(), Grant::License);
    redeemed(&expecting(" "), &paid(), Grant::License);
}

#[test]
fn a_required_licence_comes_before_the_entitlement() {
    let required = RedeemRequest { need: LicenseNeed::Required, ..request() };
    refused(&required, &essentials(), Rejection::NoLicenseOnCode);
    redeemed(&required, &paid(), Grant::License);
    let inactive = EntitlementFacts { tenant: Some(id(OURS)), active: false };
    refused(&required, &CodeFacts { entitlement: Some(inactive), ..paid() }, Rejection::EntitlementInactive);
}

#[test]
fn the_codes_tenant_wins_over_the_named_one() {
    redeemed(&named(OTHER), &paid(), Grant::License);
    redeemed(&named("no uuid"), &paid(), Grant::License);
}

#[test]
fn an_old_code_needs_a_tenant_that_fits() {
    refused(&request(), &old(), Rejection::TenantRequired);
    redeemed(&named(OURS), &old(), Grant::License);
    refused(&named("no uuid"), &CodeFacts { registered: None, ..old() }, Rejection::TenantMismatch);
    refused(&named(OURS), &CodeFacts { registered: None, ..old() }, Rejection::TenantMismatch);
    let elsewhere = EntitlementFacts { tenant: Some(id(OTHER)), active: true };
    refused(&named(OURS), &CodeFacts { entitlement: Some(elsewhere), ..old() }, Rejection::TenantMismatch);
    let mut taken = old();
    taken.registered.as_mut().unwrap().has_other_entitlement = true;
    refused(&named(OURS), &taken, Rejection::TenantMismatch);
}

/// The tenant of a code stays; an operator may give its entitlement to another one.
#[test]
fn an_entitlement_of_another_tenant_licenses_nobody_here() {
    let moved = CodeFacts { entitlement: Some(EntitlementFacts { tenant: Some(id(OTHER)), active: true }), ..paid() };
    refused(&request(), &moved, Rejection::EntitlementInactive);
    let again = CodeFacts { state: CodeState::Consumed, key: KeyUse::Answered, ..moved };
    refused(&request(), &again, Rejection::EntitlementInactive);
    let unbound = CodeFacts { entitlement: Some(EntitlementFacts { tenant: None, active: true }), ..paid() };
    redeemed(&request(), &unbound, Grant::License);
}

/// The edition and the licence come together or not at all; what was answered before is answered again.
#[test]
fn a_pro_tenant_is_not_redeemed_without_a_licence() {
    let bare = CodeFacts { entitlement: None, ..paid() };
    refused(&request(), &bare, Rejection::EntitlementInactive);
    let again = CodeFacts { state: CodeState::Consumed, key: KeyUse::Answered, ..bare };
    assert_eq!(decide(&request(), Some(&again)), Decision::Replay);
}

#[test]
fn another_entitlement_matters_to_old_codes_only() {
    let mut code = paid();
    code.registered.as_mut().unwrap().has_other_entitlement = true;
    redeemed(&request(), &code, Grant::License);
}

#[test]
fn the_same_request_is_answered_again_in_good_standing_only() {
    let again = CodeFacts { state: CodeState::Consumed, key: KeyUse::Answered, ..paid() };
    assert_eq!(decide(&request(), Some(&again)), Decision::Replay);
    refused(&request(), &with_status(again.clone(), TenantStatus::Cancelled), Rejection::TenantSuspended);
    let inactive = EntitlementFacts { tenant: Some(id(OURS)), active: false };
    refused(&request(), &CodeFacts { entitlement: Some(inactive), ..again.clone() }, Rejection::EntitlementInactive);
    refused(&request(), &CodeFacts { key: KeyUse::Forgotten, ..again }, Rejection::ConsumedClaimCode);
}

#[test]
fn a_key_of_another_request_is_a_conflict_after_the_codes_state() {
    let with = |state| CodeFacts { state, key: KeyUse::OtherRequest, ..paid() };
    refused(&request(), &with(CodeState::Live), Rejection::IdempotencyConflict);
    refused(&request(), &with(CodeState::Consumed), Rejection::IdempotencyConflict);
    refused(&request(), &with(CodeState::Expired), Rejection::ExpiredClaimCode);
    refused(&request(), &with(CodeState::Revoked), Rejection::SupersededClaimCode);
}

#[test]
fn an_appliance_id_is_kept_or_refused() {
    let longest = "a".repeat(128);
    for good in ["a", "9", "appliance-0f:1._-", "host.example:443", &longest] {
        assert_eq!(ApplianceId::parse(good).unwrap().as_str(), good);
    }
    let too_long = "a".repeat(129);
    for bad in ["", "-a", ".a", "a b", "a/b", "ä", "a\n", &too_long] {
        assert_eq!(ApplianceId::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn an_undisclosed_rejection_says_nothing_of_itself() {
    for rejection in Rejection::ALL {
        assert_eq!(rejection.disclosed(Disclosure::Uniform), Rejection::InvalidClaimCode);
        assert_eq!(rejection.disclosed(Disclosure::Detailed), *rejection);
    }
}
