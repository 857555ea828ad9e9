//! Plans that must be refused, each by its rule.

use super::*;
use crate::portal::decide::objects_of;
use crate::portal::testing::{claim, health_at, row, settings};

fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        tenant: row().tenant,
        domain_id: row().id,
        host: claim().host,
        generation: claim().generation,
        slug: "s".to_owned(),
        steps,
    }
}

#[track_caller]
fn check(plan: &Plan, row: &Row, inventory: &[OwnedObject], refused: Option<&str>) {
    let (claim, health, settings) = (claim(), health_at(0), settings());
    let facts = AuditFacts { row, claim: &claim, inventory, health: &health, settings: &settings };
    match (audit(plan, &facts), refused) {
        (Verdict::Accept, None) => {}
        (Verdict::Refuse { rule, .. }, Some(part)) => assert!(rule.contains(part), "{rule}"),
        (verdict, expected) => panic!("{verdict:?}, expected {expected:?}"),
    }
}

#[test]
fn an_ordinary_order_is_accepted() {
    let objects = objects_of("s", 1, &claim().host, &settings());
    check(&plan(vec![Step::RecordInventory(objects), Step::ApplyCertificate]), &row(), &[], None);
}

#[test]
fn another_tenants_plan_is_refused() {
    let mut foreign = plan(vec![Step::ApplyCertificate]);
    foreign.tenant = "22222222-2222-4222-8222-222222222222".to_owned();
    check(&foreign, &row(), &[], Some("belongs to the tenant"));
}

#[test]
fn a_disabled_row_gets_no_object() {
    let disabled = Row { status: Status::Disabled, ..row() };
    check(&plan(vec![Step::ApplyCertificate]), &disabled, &[], Some("disabled"));
}

#[test]
fn only_inventory_is_deleted_and_never_what_serves() {
    let object = objects_of("s", 1, &claim().host, &settings())[0].clone();
    check(&plan(vec![Step::Delete(object.clone())]), &row(), &[], Some("inventory"));
    check(&plan(vec![Step::Delete(object.clone())]), &row(), std::slice::from_ref(&object), Some("serves"));
}

#[test]
fn the_gateway_waits_for_its_secret() {
    let steps = vec![Step::ApplyGateway, Step::CopySecret];
    check(&plan(steps), &row(), &[], Some("Secret"));
}

#[test]
fn a_foreign_name_is_refused() {
    let mut objects = objects_of("s", 1, &claim().host, &settings());
    objects[0].name = "sebastian".to_owned();
    check(&plan(vec![Step::RecordInventory(objects)]), &row(), &[], Some("names"));
}

#[test]
fn an_empty_or_endless_plan_is_refused() {
    check(&plan(vec![]), &row(), &[], Some("bounded"));
    check(&plan(vec![Step::CopySecret; STEPS_MAX + 1]), &row(), &[], Some("bounded"));
}
