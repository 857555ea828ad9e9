//! Editions, tiers and transports: the closed words of the registry, the token and the appliance (licensing contract, 2.1).

use crate::tenant::product::words;
use std::fmt;

/// `tenant_registry.edition`: what a tenant registered for. `premium`, the old name, is read as `pro`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edition {
    /// Free: no licence token, no trial, no credential.
    Essentials,
    /// Paid.
    Pro,
}

impl Edition {
    /// The word of answers and of `INSTALL_EDITION`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Essentials => "essentials",
            Self::Pro => "pro",
        }
    }

    /// Reads a word of a request or a row.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "essentials" => Some(Self::Essentials),
            "pro" | "premium" => Some(Self::Pro),
            _ => None,
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an installation may do, in ascending order. `premium`, the old name, is read as `pro`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Without a licence.
    Essentials,
    /// One person; exists for hosted tenants only.
    Solo,
    /// Everything.
    Pro,
}

impl Tier {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Essentials => "essentials",
            Self::Solo => "solo",
            Self::Pro => "pro",
        }
    }

    /// Reads a word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "essentials" => Some(Self::Essentials),
            "solo" => Some(Self::Solo),
            "pro" | "premium" => Some(Self::Pro),
            _ => None,
        }
    }

    /// Whether a licence of this tier is signed and accepted.
    pub const fn is_sellable(self) -> bool {
        match self {
            Self::Essentials | Self::Solo => false,
            Self::Pro => true,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

words! {
    /// `entitlements.transport`: how a licence reaches its appliance.
    Transport {
        /// By check-in, every day.
        Connected = "connected",
        /// As a document, once a year.
        Airgap = "airgap",
    }
}

impl Transport {
    /// Life of a licence in seconds (contract, section 6.1): 31 days, or 365.
    pub const fn life_seconds(self) -> i64 {
        match self {
            Self::Connected => 31 * super::DAY_SECONDS,
            Self::Airgap => 365 * super::DAY_SECONDS,
        }
    }
}

words! {
    /// `tenant_registry.deployment_type`: where a tenant lives.
    Deployment {
        /// On an appliance of its own.
        Appliance = "appliance",
        /// With the vendor.
        Hosted = "hosted",
    }
}

words! {
    /// `tenant_registry.status`. The first three only move forwards; the others are an operator's.
    TenantStatus {
        /// Known, never redeemed.
        Registered = "registered",
        /// A code was redeemed.
        Installed = "installed",
        /// The appliance checked in.
        Active = "active",
        /// Cannot be licensed for now.
        Suspended = "suspended",
        /// Cannot be licensed any more.
        Cancelled = "cancelled",
    }
}

impl TenantStatus {
    /// Whether codes are redeemed and licences signed for the tenant.
    pub const fn is_in_good_standing(self) -> bool {
        match self {
            Self::Registered | Self::Installed | Self::Active => true,
            Self::Suspended | Self::Cancelled => false,
        }
    }
}

words! {
    /// `EDITION_CHOICE` and `license_state.edition_choice`.
    EditionChoice {
        /// Community.
        Ce = "ce",
        /// Every registered edition, essentials included; also what a missing value means.
        Ee = "ee",
    }
}

#[cfg(test)]
#[path = "edition_tests.rs"]
mod tests;
