//! Which item of a subscription counts users.

use crate::ids::{PriceId, SubscriptionItemId};
use std::collections::BTreeSet;

/// One item of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionItem {
    /// Its id.
    pub id: SubscriptionItemId,
    /// Its price.
    pub price: PriceId,
    /// How many; none for a metered price.
    pub quantity: Option<u32>,
}

/// The items of a subscription, told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// The item whose quantity is the number of licensed users.
    pub per_user: &'a SubscriptionItem,
    /// The item of the base fee.
    pub base: Option<&'a SubscriptionItem>,
    /// Items that are neither, for a person to look at. They are told and not dropped (R12).
    pub others: Vec<&'a SubscriptionItem>,
}

/// Chooses the item that counts users (contract, section 8.3); `None` if there are no items.
///
/// One item is that item. Of several it is the first with a known per-user price, else the first with a quantity above 1,
/// else the last. Of two items the other is the base fee, unless its price is a per-user price too. Of more than two
/// nothing says which one is the base fee, so none is, and all are in `others`: a later change of plan acts on the base item
/// by its id, and a guess would change the wrong one.
pub fn choose<'a>(items: &'a [SubscriptionItem], per_user_prices: &BTreeSet<PriceId>) -> Option<Chosen<'a>> {
    let known = |item: &SubscriptionItem| per_user_prices.contains(&item.price);
    let many = |item: &SubscriptionItem| item.quantity.is_some_and(|quantity| quantity > 1);
    let at = items.iter().position(known).or_else(|| items.iter().position(many)).or(items.len().checked_sub(1))?;
    let rest: Vec<_> = items.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, item)| item).collect();
    let (base, others) = match rest.as_slice() {
        [other] if !known(other) => (Some(*other), Vec::new()),
        _ => (None, rest),
    };
    Some(Chosen { per_user: &items[at], base, others })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items as `price x quantity`; the price `user` and `user-annual` are known. Expected: per user, base, others.
    #[track_caller]
    fn check(items: &[&str], expected: Option<(&str, Option<&str>, &[&str])>) {
        let known = ["user", "user-annual"].map(|price| PriceId::try_from(price).unwrap()).into();
        let made: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, text)| {
                let (price, quantity) = text.split_once('x').unwrap();
                let id = SubscriptionItemId::try_from(format!("si_{index}")).unwrap();
                SubscriptionItem { id, price: PriceId::try_from(price).unwrap(), quantity: quantity.parse().ok() }
            })
            .collect();
        let text = |item: &SubscriptionItem| items[item.id.as_str()[3..].parse::<usize>().unwrap()];
        let chosen = choose(&made, &known);
        let found = chosen.as_ref().map(|chosen| {
            let others: Vec<_> = chosen.others.iter().map(|item| text(item)).collect();
            (text(chosen.per_user), chosen.base.map(text), others)
        });
        let expected = expected.map(|(per_user, base, others)| (per_user, base, others.to_vec()));
        assert_eq!(found, expected, "{items:?}");
    }

    #[test]
    fn one_item_is_that_item() {
        check(&[], None);
        check(&["ax"], Some(("ax", None, &[])));
        check(&["ax1"], Some(("ax1", None, &[])));
        check(&["userx7"], Some(("userx7", None, &[])));
    }

    #[test]
    fn of_two_items_the_other_is_the_base_fee() {
        check(&["userx1", "bx9"], Some(("userx1", Some("bx9"), &[])));
        check(&["bx9", "userx1"], Some(("userx1", Some("bx9"), &[])));
        check(&["user-annualx", "bx1"], Some(("user-annualx", Some("bx1"), &[])));
        check(&["ax1", "bx2"], Some(("bx2", Some("ax1"), &[])));
        check(&["ax2", "bx1"], Some(("ax2", Some("bx1"), &[])));
        check(&["ax2", "bx3"], Some(("ax2", Some("bx3"), &[])));
        check(&["ax1", "bx1"], Some(("bx1", Some("ax1"), &[])));
        check(&["ax", "bx"], Some(("bx", Some("ax"), &[])));
    }

    #[test]
    fn a_second_per_user_item_is_no_base_fee() {
        check(&["userx1", "user-annualx9"], Some(("userx1", None, &["user-annualx9"])));
    }

    #[test]
    fn of_more_than_two_items_none_is_taken_for_the_base_fee() {
        check(&["ax1", "userx5", "bx1"], Some(("userx5", None, &["ax1", "bx1"])));
        check(&["ax1", "bx5", "cx7"], Some(("bx5", None, &["ax1", "cx7"])));
        check(&["ax1", "bx1", "cx1"], Some(("cx1", None, &["ax1", "bx1"])));
    }
}
