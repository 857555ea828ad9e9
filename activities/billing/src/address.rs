//! The address that a customer gave at the checkout.

/// Billing address, as far as it was given. It is personal data: `Debug` shows none of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BillingAddress {
    /// Street and number.
    pub line1: Option<String>,
    /// Floor, building and the like.
    pub line2: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State, county or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country: two letters (ISO 3166-1) as Stripe sends them, not checked.
    pub country_code: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

impl std::fmt::Debug for BillingAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BillingAddress").finish_non_exhaustive()
    }
}

impl BillingAddress {
    /// Picks the address (contract, section 8.3): that of the session, but that of the customer if only it names a country,
    /// or if the session has none at all. An address is one piece: lines of one are never joined with the country of the
    /// other. The telephone number is picked by itself, the session's first.
    pub(crate) fn pick(session: Self, customer: Self) -> Self {
        let phone = session.phone.clone().or_else(|| customer.phone.clone());
        let of_customer = match (&session.country_code, &customer.country_code) {
            (Some(_), _) => false,
            (None, Some(_)) => true,
            (None, None) => Self { phone: None, ..session.clone() } == Self::default(),
        };
        let picked = if of_customer { customer } else { session };
        Self { phone, ..picked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(line1: &str, country: &str, phone: &str) -> BillingAddress {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (line1, country_code, phone) = (text(line1), text(country), text(phone));
        BillingAddress { line1, country_code, phone, ..BillingAddress::default() }
    }

    #[track_caller]
    fn check(session: [&str; 3], customer: [&str; 3], expected: [&str; 3]) {
        let [session, customer, expected] = [session, customer, expected].map(|[a, b, c]| address(a, b, c));
        assert!(BillingAddress::pick(session, customer) == expected);
    }

    #[test]
    fn the_customers_address_stands_in_for_a_session_without_a_country() {
        check(["s", "GB", "1"], ["c", "DE", "2"], ["s", "GB", "1"]);
        check(["", "GB", ""], ["c", "DE", "2"], ["", "GB", "2"]);
        check(["s", "", "1"], ["c", "DE", "2"], ["c", "DE", "1"]);
        check(["", "", ""], ["c", "DE", "2"], ["c", "DE", "2"]);
        check(["s", "", ""], ["c", "", ""], ["s", "", ""]);
        check(["", "", "1"], ["c", "", ""], ["c", "", "1"]);
        check(["", "", ""], ["", "", ""], ["", "", ""]);
    }

    #[test]
    fn an_address_is_not_shown() {
        assert_eq!(format!("{:?}", address("canary", "GB", "canary")), "BillingAddress { .. }");
    }
}
