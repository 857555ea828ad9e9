//! Stripe's ids. Each kind is a type of its own, so that none is sent in the place of another.

use serde::Deserialize;

/// Longest id (Stripe API, "upgrades": ids may grow up to 255 characters).
const LENGTH_MAX: usize = 255;

/// Why a text is no id of its kind. The text is not repeated: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the id of a {0} at Stripe")]
pub struct IdFault(&'static str);

/// A prefix and at least one letter, digit or underscore: nothing that changes a path.
fn is_prefixed(text: &str, prefix: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

/// Any text in one line: accounts older than prefixes, and prices made from older plans, have ids of their owner's choice.
fn is_opaque(text: &str, _prefix: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

macro_rules! id {
    ($name:ident, $noun:literal, $rule:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as Stripe writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdFault;

            fn try_from(text: String) -> Result<Self, IdFault> {
                if text.len() <= LENGTH_MAX && $rule(&text, $prefix) { Ok(Self(text)) } else { Err(IdFault($noun)) }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdFault;

            fn try_from(text: &str) -> Result<Self, IdFault> {
                Self::try_from(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    CheckoutSessionId,
    "checkout session",
    is_prefixed,
    "cs_",
    "Id of a checkout session: `cs_` and letters, digits, `_`."
);
id!(SubscriptionId, "subscription", is_prefixed, "sub_", "Id of a subscription: `sub_` and letters, digits, `_`.");
id!(
    CustomerId,
    "customer",
    is_opaque,
    "",
    "Id of a customer: one line of at most 255 bytes, usually `cus_` and letters."
);
id!(SubscriptionItemId, "subscription item", is_prefixed, "si_", "Id of an item of a subscription: `si_` and letters.");
id!(PriceId, "price", is_opaque, "", "Id of a price: one line of at most 255 bytes, usually `price_` and letters.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_path_holds_nothing_that_changes_the_path() {
        for text in ["cs_test_a1B2", "cs_live_1", "cs_1"] {
            assert_eq!(CheckoutSessionId::try_from(text).unwrap().as_str(), text);
        }
        let long = format!("cs_{}", "a".repeat(LENGTH_MAX));
        for text in ["", "cs_", "sub_1", "cs_a/../b", "cs_a?b", "cs_a%2Fb", "cs_a b", "cs_é", "cs_a\n", " cs_a", &long]
        {
            assert_eq!(CheckoutSessionId::try_from(text), Err(IdFault("checkout session")), "{text}");
        }
        assert!(SubscriptionId::try_from("cs_1").is_err());
        assert!(SubscriptionItemId::try_from("sub_1").is_err());
    }

    #[test]
    fn an_older_id_is_taken_as_it_is() {
        assert!(CustomerId::try_from("cus_1").is_ok());
        assert!(PriceId::try_from("Gold plan").is_ok());
        for text in ["", " ", "a\nb"] {
            assert!(PriceId::try_from(text).is_err() && CustomerId::try_from(text).is_err(), "{text:?}");
        }
    }
}
