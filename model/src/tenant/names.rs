//! Workflow ids, and the keys under which work is recorded.

/// Letters of an external id that may stand in a workflow id.
const ID_MAX: usize = 255;

/// The id that a new starter should choose: one per purchase, so that a second start finds the first (contract, section 1).
///
/// ```
/// use model::tenant::names::{Purchase, creation_workflow_id};
/// assert_eq!(creation_workflow_id(&Purchase::Checkout("cs_1")), "tenant-creation-checkout-cs_1");
/// ```
pub fn creation_workflow_id(purchase: &Purchase<'_>) -> String {
    match purchase {
        Purchase::Subscription(id) => format!("tenant-creation-stripe-{id}"),
        Purchase::Checkout(id) => format!("tenant-creation-checkout-{id}"),
        Purchase::AppleTransaction(id) => format!("tenant-creation-iap-{id}"),
        Purchase::Minted(id) => format!("tenant-creation-{id}"),
    }
}

/// What makes a creation one and the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purchase<'a> {
    /// A Stripe subscription.
    Subscription(&'a str),
    /// A Stripe checkout session.
    Checkout(&'a str),
    /// Apple's original transaction.
    AppleTransaction(&'a str),
    /// A tenant id that was minted beforehand, or any other unique word.
    Minted(&'a str),
}

/// Id of the run that takes over from a creation whose time is up: one per tenant.
pub fn repair_workflow_id(tenant_id: &str) -> String {
    format!("tenant-repair-{tenant_id}")
}

/// Key of a step in the ledger: `<origin id>/<activity>[/<part>]`.
pub fn ledger_key(origin_id: &str, activity: &str, part: &str) -> String {
    match part {
        "" => format!("{origin_id}/{activity}"),
        part => format!("{origin_id}/{activity}/{part}"),
    }
}

/// Tells whether a text has the form of an external id: letters, digits, `_` and `-`, `.` and `:`, at most 255.
pub fn is_external_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    !text.is_empty() && text.len() <= ID_MAX && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_contract() {
        assert_eq!(creation_workflow_id(&Purchase::Subscription("sub_1")), "tenant-creation-stripe-sub_1");
        assert_eq!(creation_workflow_id(&Purchase::AppleTransaction("7")), "tenant-creation-iap-7");
        assert_eq!(repair_workflow_id("t"), "tenant-repair-t");
        assert_eq!(ledger_key("o", "createTenant", ""), "o/createTenant");
        assert_eq!(ledger_key("o", "sendWelcomeEmail", "mail"), "o/sendWelcomeEmail/mail");
    }

    #[test]
    fn external_ids_hold_nothing_that_could_end_a_path() {
        assert!(is_external_id("cs_test_a1B2"));
        for text in ["", "a/b", "a b", "a'b", "ä", &"x".repeat(256)] {
            assert!(!is_external_id(text), "{text}");
        }
    }
}
