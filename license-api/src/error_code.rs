//! Every error code of the service, with its status and its sentence.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $sentence:literal;)*) => {
        /// Why a request was refused. Stable: a code is never renamed and never reused (licensing contract, sections 5.2
        /// and 5.4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word of the answer.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// A sentence for people.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

codes! {
    /// Several tenants share the address.
    AmbiguousContact = "ambiguous_contact", CONFLICT, "Several tenants have this contact address.";
    /// The subscription has no such appliance.
    ApplianceNotFound = "appliance_not_found", NOT_FOUND, "The subscription has no such appliance.";
    /// The code was used by another request.
    ConsumedClaimCode = "consumed_claim_code", CONFLICT, "This code was already used. Ask for a new one.";
    /// The entitlement is revoked.
    EntitlementInactive = "entitlement_inactive", CONFLICT, "The subscription is not active.";
    /// The same on the way of an appliance, which shows it as a case for support.
    EntitlementInactiveAtRedeem = "entitlement_inactive", FORBIDDEN, "The subscription is not active. Contact support.";
    /// There is no such subscription.
    EntitlementNotFound = "entitlement_not_found", NOT_FOUND, "There is no such subscription.";
    /// The lifetime of the code is over.
    ExpiredClaimCode = "expired_claim_code", GONE, "This code has expired. Ask for a new one.";
    /// The key was used for another request, or the submission was made with other data.
    IdempotencyConflict = "idempotency_conflict", CONFLICT, "This key was already used for another request.";
    /// A defect of ours.
    Internal = "internal_error", INTERNAL_SERVER_ERROR, "The service failed.";
    /// The appliance id breaks the rule.
    InvalidApplianceId = "invalid_appliance_id", BAD_REQUEST, "The appliance id is not valid.";
    /// The code is malformed or unknown.
    InvalidClaimCode = "invalid_claim_code", BAD_REQUEST, "This code is not valid. Check the mail it came with.";
    /// The edition is no edition.
    InvalidEdition = "invalid_edition", BAD_REQUEST, "The edition must be essentials or pro.";
    /// The request cannot be read.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request cannot be read.";
    /// Seats are no whole number above zero.
    InvalidSeats = "invalid_seats", BAD_REQUEST, "Seats must be a whole number above zero, or absent.";
    /// The transport is no transport.
    InvalidTransport = "invalid_transport", BAD_REQUEST, "The transport must be connected or airgap.";
    /// The method is not offered.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This method is not offered here.";
    /// The tenant has no active entitlement, and its edition needs one.
    NoActiveEntitlement = "no_active_entitlement", CONFLICT, "The tenant has no active subscription.";
    /// A licence is required, and the code has no entitlement.
    NoLicenseOnCode = "no_license_on_code", CONFLICT, "This code carries no licence.";
    /// There is no such path.
    NotFound = "not_found", NOT_FOUND, "There is nothing at this path.";
    /// The body did not come.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request did not arrive in time.";
    /// The appliance of the credential is revoked.
    RevokedAppliance = "revoked_appliance", UNAUTHORIZED, "This appliance was revoked.";
    /// The code was replaced or revoked.
    SupersededClaimCode = "superseded_claim_code", CONFLICT, "This code was replaced by a newer one.";
    /// Overload, or a database that does not answer.
    TemporarilyUnavailable = "temporarily_unavailable", SERVICE_UNAVAILABLE, "The service is busy. Try again later.";
    /// The pinned tenant id belongs to another registration.
    TenantExists = "tenant_exists", CONFLICT, "This tenant id is already registered.";
    /// The request names another tenant.
    TenantMismatch = "tenant_mismatch", CONFLICT, "The request belongs to another tenant.";
    /// There is no such tenant.
    TenantNotFound = "tenant_not_found", NOT_FOUND, "There is no such tenant.";
    /// No tenant is named, and one is needed.
    TenantRequired = "tenant_required", BAD_REQUEST, "A tenant is required.";
    /// The tenant is suspended or cancelled.
    TenantSuspended = "tenant_suspended", FORBIDDEN, "The tenant is suspended. Contact support.";
    /// The tier cannot be sold.
    TierNotSellable = "tier_not_sellable", BAD_REQUEST, "This tier is not sold.";
    /// The body has more bytes than are read.
    TooLarge = "request_too_large", PAYLOAD_TOO_LARGE, "The request has more than 16 KiB.";
    /// A budget is used up.
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS, "There were too many attempts. Try again later.";
    /// The service secret is missing or wrong.
    Unauthorized = "unauthorized", UNAUTHORIZED, "The service secret is missing or not valid for this route.";
    /// The credential is of no appliance.
    UnknownCredential = "unknown_credential", UNAUTHORIZED, "The credential is not known.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_words_and_sentences_end() {
        for code in ErrorCode::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code:?}");
            assert!(code.sentence().ends_with('.'), "{code:?}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
        }
    }

    #[test]
    fn only_one_word_has_two_statuses() {
        let words: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(words.len() + 1, ErrorCode::ALL.len());
    }
}
