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
    fn every_generation_is_removed() {
        let settings = RunSettings::default();
        let mut inventory = objects_of("id", 1, "old.example.org", &settings);
        inventory.extend(objects_of("id-g2", 2, "new.example.org", &settings));
        let objects = objects_to_remove("id", None, &inventory, &settings);
        assert_eq!(objects.len(), 10);
        assert!(objects[0].kind == ObjectKind::VirtualService && objects[1].kind == ObjectKind::VirtualService);
    }
}
