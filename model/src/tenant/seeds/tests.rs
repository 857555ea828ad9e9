//! The files against the tables of the tenant-provisioning contract, section 5.

use super::file::parse;
use super::*;
use std::collections::BTreeSet;

/// Roles, permissions and grants, then the grants of each role.
#[track_caller]
fn check(product: Product, counts: [usize; 3], held: &[(&str, Side, usize)]) {
    let seeds = seeds(product);
    assert_eq!([seeds.roles.len(), seeds.permissions.len(), seeds.grants.len()], counts);
    let of = |role: usize| seeds.grants.iter().filter(|grant| grant.role == role).count();
    let found: Vec<_> =
        seeds.roles.iter().enumerate().map(|(index, role)| (role.name.as_str(), role.side, of(index))).collect();
    assert_eq!(found, held);
}

#[test]
fn psa_has_the_rows_of_the_contract() {
    let held = [
        ("Admin", Side::Msp, 172),
        ("Finance", Side::Msp, 67),
        ("Project Manager", Side::Msp, 49),
        ("Technician", Side::Msp, 37),
        ("Dispatcher", Side::Msp, 27),
        ("Admin", Side::Client, 26),
        ("Finance", Side::Client, 13),
        ("User", Side::Client, 11),
    ];
    check(Product::Psa, [8, 198, 402], &held);
}

#[test]
fn algadesk_has_the_rows_of_the_contract() {
    let held =
        [("Admin", Side::Msp, 49), ("Agent", Side::Msp, 17), ("Admin", Side::Client, 18), ("User", Side::Client, 8)];
    check(Product::Algadesk, [4, 67, 92], &held);
}

#[test]
fn the_sides_have_the_rows_of_the_contract() {
    let count = |product, sides| seeds(product).permissions.iter().filter(|p| p.sides == sides).count();
    let of = |product| [Sides::Msp, Sides::Both, Sides::Client].map(|sides| count(product, sides));
    assert_eq!(of(Product::Psa), [168, 4, 26]);
    assert_eq!(of(Product::Algadesk), [49, 0, 18]);
    let both: BTreeSet<_> = seeds(Product::Psa).permissions.iter().filter(|p| p.msp() && p.client()).collect();
    assert!(both.iter().all(|permission| permission.resource == "settings"));
}

#[test]
fn every_grant_is_unique_and_of_the_side_of_its_role() {
    for product in Product::ALL {
        let seeds = seeds(*product);
        assert!(seeds.grants.is_sorted_by(|one, next| one < next));
        for grant in &seeds.grants {
            let (role, permission) = (&seeds.roles[grant.role], &seeds.permissions[grant.permission]);
            assert_eq!(permission.held_by(), role.side, "{role:?} {permission:?}");
            assert!(if role.msp() { permission.msp() } else { permission.client() && !permission.msp() });
        }
    }
}

/// Cells of the contract's tables that a slip of the pen would change without changing a count.
#[test]
fn roles_hold_what_the_contract_says() {
    let holds = |product, role: &str, side, resource: &str| -> Vec<String> {
        let seeds = seeds(product);
        let index = seeds.roles.iter().position(|r| r.name == role && r.side == side).unwrap();
        let held = seeds.grants.iter().filter(|grant| grant.role == index);
        let held = held.map(|grant| &seeds.permissions[grant.permission]).filter(|p| p.resource == resource);
        held.map(|permission| permission.action.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let psa = |role, side, resource| holds(Product::Psa, role, side, resource);
    assert_eq!(psa("Technician", Side::Msp, "client"), ["delete", "read"]);
    assert_eq!(psa("Technician", Side::Msp, "timesheet"), ["read", "read_all", "submit", "update"]);
    assert_eq!(psa("Project Manager", Side::Msp, "user"), ["invite", "read"]);
    assert_eq!(psa("Finance", Side::Msp, "tag"), ["create", "read"]);
    assert_eq!(psa("Finance", Side::Msp, "financial"), ["create", "delete", "read", "transfer", "update"]);
    assert_eq!(psa("Dispatcher", Side::Msp, "ticket"), ["create", "read", "update"]);
    assert_eq!(psa("Admin", Side::Msp, "rmm"), ["execute_command"]);
    assert_eq!(psa("Admin", Side::Client, "settings"), [""; 0]);
    assert_eq!(psa("User", Side::Client, "user"), [""; 0]);
    assert_eq!(holds(Product::Algadesk, "Agent", Side::Msp, "profile"), ["read", "update"]);
    assert_eq!(holds(Product::Algadesk, "User", Side::Client, "ticket"), ["create", "read", "update"]);
}

#[test]
fn other_rows_are_those_of_the_contract() {
    let psa = seeds(Product::Psa);
    let tax = psa.tax.as_ref().unwrap();
    let texts = (tax.region_code.as_str(), tax.region_name.as_str(), tax.rate_description.as_str());
    assert_eq!((texts, tax.rate_percent), (("DEFAULT", "Default Tax Region", "Non-taxable"), 0));
    let statuses: Vec<_> =
        psa.statuses.iter().map(|s| (s.order_number, s.name.as_str(), s.is_default, s.is_closed)).collect();
    let expected = [
        (1, "To Do", true, false),
        (2, "In Progress", false, false),
        (3, "Blocked", false, false),
        (4, "Done", false, true),
    ];
    assert_eq!(statuses, expected);
    let types: Vec<_> = psa.asset_types.iter().map(|t| (t.display_order, t.slug.as_str(), t.name.as_str())).collect();
    assert_eq!((types.len(), types[0], types[5]), (6, (0, "workstation", "Workstation"), (5, "unknown", "Unknown")));
    let desk = seeds(Product::Algadesk);
    assert!(desk.tax.is_none() && desk.statuses.is_empty() && desk.asset_types.is_empty());
}

#[test]
fn the_first_administrator_finds_a_role() {
    for product in Product::ALL {
        assert!(seeds(*product).role("Admin", Side::Msp).is_some());
        assert!(seeds(*product).role("admin", Side::Msp).is_none());
    }
}

#[test]
fn a_file_that_contradicts_itself_is_not_read() {
    let file = |msp: &str, grants: &str| {
        format!(
            r#"{{"permissions": {{"msp": {{{msp}}}, "client": {{"r": ["page"]}}, "both": {{}}}},
                "roles": [{{"name": "A", "side": "msp", "description": "", "grants": {grants}}}],
                "statuses": [], "asset_types": []}}"#
        )
    };
    let read = |msp: &str, grants: &str| parse(&file(msp, grants)).map(|seeds| seeds.grants.len());
    assert_eq!(read(r#""ru": ["page"]"#, r#""all""#), Ok(2));
    assert_eq!(read(r#""ru": ["page"]"#, r#"{"r": ["page"]}"#), Ok(1));
    assert_eq!(read(r#""u": ["page"]"#, r#"{"r": ["page"]}"#), Err("A cannot hold page read".to_owned()));
    assert_eq!(read(r#""r": ["page", "page"]"#, r#""all""#), Err("page read stands twice".to_owned()));
    assert_eq!(
        read(r#""r": ["page"]"#, r#"{"r": ["page"], "read": ["page"]}"#),
        Err("A cannot hold page read".to_owned())
    );
    assert!(read(r#""r": ["page"]"#, r#""some""#).is_err());
}
