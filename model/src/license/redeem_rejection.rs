//! Why a code is not redeemed (licensing contract, section 5.4).

use super::super::tenant::product::words;
use super::budget::Disclosure;

words! {
    /// The stable codes of `POST /register`, in the order of the contract's table. None of them uses up the install code.
    Rejection {
        /// Malformed or unknown; also every rejection that is not disclosed.
        InvalidClaimCode = "invalid_claim_code",
        /// The code's life is over.
        ExpiredClaimCode = "expired_claim_code",
        /// Another request used the code.
        ConsumedClaimCode = "consumed_claim_code",
        /// A newer code replaced it, or it was revoked.
        SupersededClaimCode = "superseded_claim_code",
        /// The code's tenant is not the expected one, or the named tenant cannot have this code.
        TenantMismatch = "tenant_mismatch",
        /// A licence is required, and neither the code nor its tenant has one.
        NoLicenseOnCode = "no_license_on_code",
        /// The idempotency key belongs to another request.
        IdempotencyConflict = "idempotency_conflict",
        /// The entitlement was revoked, or is another tenant's by now; or a tenant of pro has none.
        EntitlementInactive = "entitlement_inactive",
        /// The tenant is suspended or cancelled.
        TenantSuspended = "tenant_suspended",
        /// An old code without a tenant, and the request names none.
        TenantRequired = "tenant_required",
        /// The appliance id breaks its rule.
        InvalidApplianceId = "invalid_appliance_id",
    }
}

impl Rejection {
    /// What the source is told: to one that failed too often, every rejection looks the same (contract, L-06).
    #[must_use]
    pub const fn disclosed(self, disclosure: Disclosure) -> Self {
        match disclosure {
            Disclosure::Detailed => self,
            Disclosure::Uniform => Self::InvalidClaimCode,
        }
    }
}
