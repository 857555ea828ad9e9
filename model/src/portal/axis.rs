//! The states of the five axes (domain-health contract, section 2).

use crate::finding::AxisWord;
use crate::reason::Axis;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident $axis:ident { $($(#[$vdoc:meta])* $variant:ident $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl AxisWord for $name {
            const AXIS: Axis = Axis::$axis;
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl $name {
            /// Every state of the axis.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }
    };
}

states! {
    /// May this host be used here?
    PolicyState Policy {
        /// No rule forbids it.
        Allowed "allowed",
        /// A person decides.
        Review "review",
        /// Forbidden.
        Blocked "blocked",
        /// Stopped by an operator.
        Paused "paused",
    }
}

states! {
    /// Does the tenant control the host?
    OwnershipState Ownership {
        /// Nothing was looked at.
        None "none",
        /// Looked at, not proven.
        Pending "pending",
        /// Proven in this generation.
        Proven "proven",
        /// Proven before, missing now, within the grace period.
        Expiring "expiring",
        /// The grace period ended, or the claim expired.
        Lost "lost",
        /// Another account holds the host.
        Contended "contended",
        /// Another account proved it with a newer fence.
        Revoked "revoked",
    }
}

states! {
    /// Does the host lead to us?
    DnsState Dns {
        /// No address and no alias.
        Absent "absent",
        /// The chain ends at other addresses.
        Elsewhere "elsewhere",
        /// Servers disagree, or some addresses are not ours.
        Partial "partial",
        /// Behind a known proxy.
        Proxied "proxied",
        /// It leads to us.
        Correct "correct",
        /// DNSSEC validation fails.
        Bogus "bogus",
    }
}

states! {
    /// Is there a valid certificate?
    CertificateState Certificate {
        /// No Certificate object.
        None "none",
        /// The checks before an order found something.
        Preflight "preflight",
        /// Waits for its turn.
        Queued "queued",
        /// An order is being placed.
        Ordering "ordering",
        /// The authority validates.
        Validating "validating",
        /// Valid.
        Issued "issued",
        /// Valid, and the next one is under way.
        Renewing "renewing",
        /// Valid, near its end.
        Expiring "expiring",
        /// Past its end.
        Expired "expired",
        /// The order failed, and there is no valid certificate.
        Failed "failed",
        /// Stopped by an operator.
        Paused "paused",
    }
}

states! {
    /// Does the host answer from outside?
    EdgeState Edge {
        /// No objects at the edge.
        None "none",
        /// Objects are being written.
        Applying "applying",
        /// The API server took the objects; nothing was seen from outside.
        Accepted "accepted",
        /// Somebody else claims the host.
        Conflict "conflict",
        /// The Secret copy is missing or old.
        SecretMissing "secret_missing",
        /// A probe saw our newest certificate and our tenant.
        Serving "serving",
        /// A probe saw our tenant with an older certificate.
        ServingStale "serving_stale",
        /// Probes fail.
        Unreachable "unreachable",
        /// Objects are being removed.
        Removing "removing",
        /// Removal was verified.
        Removed "removed",
    }
}

impl CertificateState {
    /// A certificate that a visitor's browser accepts exists.
    pub const fn usable(self) -> bool {
        match self {
            Self::Issued | Self::Renewing | Self::Expiring => true,
            Self::None
            | Self::Preflight
            | Self::Queued
            | Self::Ordering
            | Self::Validating
            | Self::Expired
            | Self::Failed
            | Self::Paused => false,
        }
    }
}
