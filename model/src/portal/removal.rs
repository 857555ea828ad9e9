//! Which objects a removal deletes, and in which order (domain-health contract, section 12).

use crate::portal::decide::{objects_of, slug_in_force};
use crate::portal::names;
use crate::portal::plan::Step;
use crate::portal::record::{Claim, ObjectKind, OwnedObject, RunSettings};

/// Everything that a removal must see gone: the inventory of every generation, and what the settings say the names
/// would be, so that an object that was made but never recorded is found too. Sorted by kind in removal order.
pub fn objects_to_remove(
    domain_id: &str,
    claim: Option<&Claim>,
    inventory: &[OwnedObject],
    settings: &RunSettings,
) -> Vec<OwnedObject> {
    let mut all = inventory.to_vec();
    let (generation, host) = claim.map_or((1, ""), |claim| (claim.generation, claim.host.as_str()));
    let slug = match claim {
        Some(_) => slug_in_force(domain_id, generation, host, inventory),
        None => names::slug(domain_id),
    };
    for expected in objects_of(&slug, generation, host, settings) {
        let known =
            all.iter().any(|o| o.kind == expected.kind && o.namespace == expected.namespace && o.name == expected.name);
        if !known {
            all.push(expected);
        }
    }
    all.sort_by_key(|object| (order(object.kind), object.generation));
    all
}

/// The deletes of some objects: routes, then Gateways, then Secret copies, then Certificates with their Orders, then
/// source Secrets. The Gateway goes before its Secret, because a listener without its Secret delays the whole edge.
pub fn delete_steps(objects: &[OwnedObject]) -> Vec<Step> {
    let mut sorted = objects.to_vec();
    // One object may be listed under several generations.
    sorted.sort_by(|a, b| {
        let key = |o: &OwnedObject| (order(o.kind), o.namespace.clone(), o.name.clone());
        key(a).cmp(&key(b)).then(b.generation.cmp(&a.generation))
    });
    sorted.dedup_by(|a, b| a.is_same(b));
    sorted.sort_by_key(|object| (order(object.kind), object.generation));
    let mut steps = Vec::with_capacity(sorted.len() + 1);
    for object in sorted {
        let orders = object.kind == ObjectKind::Certificate;
        steps.push(Step::Delete(object.clone()));
        if orders {
            steps.push(Step::DeleteOrders(object));
        }
    }
    steps
}

/// Tells whether an object stays for as long as one of kind `standing` could not be deleted: a Secret outlives the Gateways
/// that name it, because a listener without its Secret delays the whole edge, and a Certificate without its Secret orders
/// again.
pub const fn waits_for(kind: ObjectKind, standing: ObjectKind) -> bool {
    match standing {
        ObjectKind::Gateway => matches!(kind, ObjectKind::SecretCopy | ObjectKind::Secret),
        ObjectKind::Certificate => matches!(kind, ObjectKind::Secret),
        ObjectKind::VirtualService | ObjectKind::SecretCopy | ObjectKind::Secret => false,
    }
}

/// Vanished rows within [`WAVE_WINDOW_MS`] that are a wave in a fleet of any size.
pub const WAVE_ROWS: u64 = 10;
/// Vanished rows from which the share of the fleet counts: in a fleet of twenty a single row is more than the share.
const WAVE_ROWS_MIN: u64 = 3;
/// Open claims beyond which the share allows more than [`WAVE_ROWS`], so that nobody need count further.
pub const WAVE_FLEET_COUNTED: u64 = 501;
/// Time within which vanished rows are counted.
pub const WAVE_WINDOW_MS: i64 = 60 * 60_000;

/// Tells whether so many rows vanished within an hour that something other than tenants leaving must be the cause: more
/// than ten, or more than 2 % of the fleet (domain-health contract, section 12, "Removal"). All removals then wait for an
/// operator. Fewer than three rows are never a wave.
pub fn is_wave(vanished: u64, fleet: u64) -> bool {
    vanished > WAVE_ROWS || (vanished >= WAVE_ROWS_MIN && vanished.saturating_mul(50) > fleet)
}

fn order(kind: ObjectKind) -> usize {
    ObjectKind::REMOVAL_ORDER.iter().position(|k| *k == kind).expect("every kind has a place in the removal order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_go_first_and_the_gateway_before_its_secret() {
        let objects = objects_to_remove("id", None, &[], &RunSettings::default());
        let names: Vec<_> = delete_steps(&objects).iter().map(Step::name).collect();
        assert_eq!(
            names,
            [
                "delete_virtual_service",
                "delete_gateway",
                "delete_secret_copy",
                "delete_certificate",
                "delete_orders",
                "delete_secret"
            ]
        );
    }

    #[test]
    fn a_wave_is_more_than_ten_rows_or_two_percent_of_the_fleet() {
        for (vanished, fleet, wave) in [
            (0, 0, false),
            (2, 2, false),
            (3, 100, true),
            (3, 149, true),
            (3, 150, false),
            (10, 500, false),
            (10, 499, true),
            (11, WAVE_FLEET_COUNTED, true),
            (11, u64::MAX, true),
            (u64::MAX, 1, true),
        ] {
            assert_eq!(is_wave(vanished, fleet), wave, "{vanished} of {fleet}");
        }
    }

    #[test]
    fn a_secret_outlives_what_would_miss_it() {
        use ObjectKind::{Certificate, Gateway, Secret, SecretCopy, VirtualService};
        for (standing, waiting) in [
            (VirtualService, &[] as &[ObjectKind]),
            (Gateway, &[SecretCopy, Secret]),
            (SecretCopy, &[]),
            (Certificate, &[Secret]),
            (Secret, &[]),
        ] {
            for kind in ObjectKind::REMOVAL_ORDER {
                let waits = waits_for(kind, standing);
                assert_eq!(waits, waiting.contains(&kind), "{kind:?} while {standing:?} stands");
                assert!(!waits || order(kind) > order(standing), "{kind:?} goes before {standing:?}");
            }
        }
    }

    #[test]
    fn an_object_of_several_generations_is_deleted_once() {
        let settings = RunSettings::default();
        let of = |generation| objects_of("id", generation, "a.example.org", &settings);
        let all: Vec<_> = (1..=5).flat_map(of).collect();
        let steps = delete_steps(&all);
        assert_eq!(steps.len(), 6, "five kinds and the Orders");
        assert!(steps.iter().all(|step| step.deletes().is_some_and(|object| object.generation == 5)));
    }

    #[test]
    fn every_generation_is_removed() {
        let settings = RunSettings::default();
        let mut inventory = objects_of("id", 1, "old.example.org", &settings);
        inventory.extend(objects_of("id-g2", 2, "new.example.org", &settings));
        let objects = objects_to_remove("id", None, &inventory, &settings);
        assert_eq!(objects.len(), 10);
        assert!(objects[0].kind == ObjectKind::VirtualService && objects[1].kind == ObjectKind::VirtualService);
    }
}
