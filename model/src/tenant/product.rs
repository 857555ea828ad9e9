//! Products, plans and sources of billing: the closed words of the product's columns.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the wire and in the column.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Reads the word exactly as it is written.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// `tenants.product_code`.
    Product {
        /// The full product.
        Psa = "psa",
        /// The help-desk product.
        Algadesk = "algadesk",
    }
}

words! {
    /// `tenants.plan`.
    Plan {
        /// One person.
        Solo = "solo",
        /// Everything else.
        Pro = "pro",
    }
}

words! {
    /// `tenants.billing_source`.
    BillingSource {
        /// A Stripe subscription.
        Stripe = "stripe",
        /// A subscription bought in Apple's store.
        AppleIap = "apple_iap",
        /// Invoiced by hand.
        Manual = "manual",
    }
}

words! {
    /// The tenant's own outgoing mail (`tenant_email_settings.email_provider`).
    EmailProvider {
        /// The tenant's SMTP server.
        Smtp = "smtp",
        /// Resend.
        Resend = "resend",
    }
}

words! {
    /// How the administrator gets into the account.
    CredentialDelivery {
        /// A set-password link; the mail holds no password.
        Link = "link",
        /// A temporary password in the welcome mail.
        Mail = "mail",
        /// The operator chose the password.
        OperatorSupplied = "operator_supplied",
        /// Nobody can enter until the welcome mail is sent again.
        Undelivered = "none",
    }
}

/// Tier of a Stripe product of the vendor, by its name (tenant-provisioning contract, section 4.1): everything but the solo
/// product is `pro`, unknown names included.
pub fn plan_of_stripe_product(name: &str) -> Plan {
    match name {
        "alga-psa-solo" => Plan::Solo,
        _ => Plan::Pro,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for product in Product::ALL {
            assert_eq!(Product::parse(product.as_str()), Some(*product));
        }
        assert_eq!(Product::parse("PSA"), None);
        assert_eq!(CredentialDelivery::Undelivered.to_string(), "none");
    }

    #[test]
    fn only_the_solo_product_is_solo() {
        assert_eq!(plan_of_stripe_product("alga-psa-solo"), Plan::Solo);
        for name in ["alga-psa-preview", "alga-psa-early-adopters", "alga-psa-pro", "alga-psa-premium", "alga-desk", ""]
        {
            assert_eq!(plan_of_stripe_product(name), Plan::Pro, "{name}");
        }
    }
}
