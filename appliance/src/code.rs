//! What an operator, a script and the workflow learn of a failure: one stable code, one sentence, one way on.

/// The codes of redemption, application and check-in. Stable: a code is never renamed and never reused (licensing contract,
/// sections 5.4 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCode {
    /// The cluster does not answer.
    ClusterUnavailable,
    /// The cluster refuses a write.
    ClusterRefused,
    /// The code was used by another request.
    ConsumedClaimCode,
    /// The application's database does not answer.
    DatabaseUnavailable,
    /// The database refuses a statement, or holds something that is not understood.
    DatabaseRefused,
    /// The subscription of the code is not active.
    EntitlementInactive,
    /// The code's lifetime is over.
    ExpiredClaimCode,
    /// The licence has expired.
    ExpiredLicense,
    /// The same key came with another request.
    IdempotencyConflict,
    /// The service knows no such code, or the input is none.
    InvalidClaimCode,
    /// The licence cannot be verified.
    InvalidLicense,
    /// The service's answer cannot be used.
    InvalidLicenseResponse,
    /// No code was given, and no redemption is under way.
    NoClaimCode,
    /// The code carries no licence, and one is needed.
    NoLicenseOnCode,
    /// There is not exactly one row of licence state: not an appliance, or a damaged one.
    NotSelfHost,
    /// Another redemption took the place of the one that was to be finished.
    RedemptionReplaced,
    /// The run of a redemption goes on for longer than was waited, or was ended from outside.
    RedemptionUnfinished,
    /// The service refuses for another reason.
    RegistrationRejected,
    /// The service revoked this appliance.
    RevokedAppliance,
    /// The licence service does not answer, or is in trouble.
    ServiceUnavailable,
    /// Another process works on the same redemption.
    StateBusy,
    /// What was stored about the redemption cannot be used.
    StateUnusable,
    /// The code was replaced by a newer one or revoked.
    SupersededClaimCode,
    /// Temporal does not answer.
    TemporalUnavailable,
    /// The code or licence belongs to another tenant.
    TenantMismatch,
    /// The code needs a tenant that was not named.
    TenantRequired,
    /// The tenant is suspended.
    TenantSuspended,
    /// The budget of attempts is used up.
    TooManyAttempts,
    /// The keys to verify licences with cannot be used.
    TrustUnusable,
    /// The service does not know the credential.
    UnknownCredential,
    /// The service's address is not one that a credential may be sent to.
    UntrustedService,
}

/// What helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The operator corrects the code: setup opens the form again and stops automatic retries (licensing contract,
    /// section 5.4).
    Correct,
    /// The same attempt again, with the same idempotency key.
    Retry,
    /// Somebody has to look first; a repeat gets the same answer.
    Final,
}

impl FailureCode {
    /// Every code, in the order of the alphabet.
    pub const ALL: [Self; 31] = [
        Self::ClusterRefused,
        Self::ClusterUnavailable,
        Self::ConsumedClaimCode,
        Self::DatabaseRefused,
        Self::DatabaseUnavailable,
        Self::EntitlementInactive,
        Self::ExpiredClaimCode,
        Self::ExpiredLicense,
        Self::IdempotencyConflict,
        Self::InvalidClaimCode,
        Self::InvalidLicense,
        Self::InvalidLicenseResponse,
        Self::NoClaimCode,
        Self::NoLicenseOnCode,
        Self::NotSelfHost,
        Self::RedemptionReplaced,
        Self::RedemptionUnfinished,
        Self::RegistrationRejected,
        Self::RevokedAppliance,
        Self::ServiceUnavailable,
        Self::StateBusy,
        Self::StateUnusable,
        Self::SupersededClaimCode,
        Self::TemporalUnavailable,
        Self::TenantMismatch,
        Self::TenantRequired,
        Self::TenantSuspended,
        Self::TooManyAttempts,
        Self::TrustUnusable,
        Self::UnknownCredential,
        Self::UntrustedService,
    ];

    /// The code as programs read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRefused => "cluster_refused",
            Self::ClusterUnavailable => "cluster_unavailable",
            Self::ConsumedClaimCode => "consumed_claim_code",
            Self::DatabaseRefused => "database_refused",
            Self::DatabaseUnavailable => "database_unavailable",
            Self::EntitlementInactive => "entitlement_inactive",
            Self::ExpiredClaimCode => "expired_claim_code",
            Self::ExpiredLicense => "expired_license",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::InvalidClaimCode => "invalid_claim_code",
            Self::InvalidLicense => "invalid_license",
            Self::InvalidLicenseResponse => "invalid_license_response",
            Self::NoClaimCode => "no_claim_code",
            Self::NoLicenseOnCode => "no_license_on_code",
            Self::NotSelfHost => "not_self_host",
            Self::RedemptionReplaced => "redemption_replaced",
            Self::RedemptionUnfinished => "redemption_unfinished",
            Self::RegistrationRejected => "registration_rejected",
            Self::RevokedAppliance => "revoked_appliance",
            Self::ServiceUnavailable => "service_unavailable",
            Self::StateBusy => "state_busy",
            Self::StateUnusable => "state_unusable",
            Self::SupersededClaimCode => "superseded_claim_code",
            Self::TemporalUnavailable => "temporal_unavailable",
            Self::TenantMismatch => "tenant_mismatch",
            Self::TenantRequired => "tenant_required",
            Self::TenantSuspended => "tenant_suspended",
            Self::TooManyAttempts => "too_many_attempts",
            Self::TrustUnusable => "trust_unusable",
            Self::UnknownCredential => "unknown_credential",
            Self::UntrustedService => "untrusted_service",
        }
    }

    /// Reads a code, such as the type of a workflow's failure; none for a text that is no code.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// What helps.
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::InvalidClaimCode
            | Self::ExpiredClaimCode
            | Self::ConsumedClaimCode
            | Self::NoClaimCode
            | Self::SupersededClaimCode => Remedy::Correct,
            Self::ClusterUnavailable
            | Self::DatabaseUnavailable
            | Self::RedemptionUnfinished
            | Self::ServiceUnavailable
            | Self::StateBusy
            | Self::TemporalUnavailable
            | Self::TooManyAttempts => Remedy::Retry,
            Self::ClusterRefused
            | Self::DatabaseRefused
            | Self::EntitlementInactive
            | Self::ExpiredLicense
            | Self::IdempotencyConflict
            | Self::InvalidLicense
            | Self::InvalidLicenseResponse
            | Self::NoLicenseOnCode
            | Self::NotSelfHost
            | Self::RedemptionReplaced
            | Self::RegistrationRejected
            | Self::RevokedAppliance
            | Self::StateUnusable
            | Self::TenantMismatch
            | Self::TenantRequired
            | Self::TenantSuspended
            | Self::TrustUnusable
            | Self::UnknownCredential
            | Self::UntrustedService => Remedy::Final,
        }
    }

    /// One or two sentences for the operator. They name no code, no address of a person and no key.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ClusterRefused => {
                "The cluster refuses to store the licence. Check the rights of this service, then try again."
            }
            Self::ClusterUnavailable => "The cluster does not answer. The next attempt goes on from here.",
            Self::ConsumedClaimCode => {
                "This install code has already been used. Request a new one with the link in your mail."
            }
            Self::DatabaseRefused => "The database refuses to store the licence. Contact support.",
            Self::DatabaseUnavailable => "The database does not answer. The next attempt goes on from here.",
            Self::EntitlementInactive => "The subscription of this code is not active. Contact support.",
            Self::ExpiredClaimCode => "This install code has expired. Request a new one with the link in your mail.",
            Self::ExpiredLicense => "This licence has expired. Request a new one.",
            Self::IdempotencyConflict => "The licence service has another request under the same key. Contact support.",
            Self::InvalidClaimCode => "This install code is not valid. Check it against the mail and enter it again.",
            Self::InvalidLicense => "This licence is not valid. Check that it was copied whole.",
            Self::InvalidLicenseResponse => {
                "The licence service answered something that cannot be used. Check the clock of this machine and the \
                 address of the service, then try again: nothing has been lost."
            }
            Self::NoClaimCode => {
                "No install code was given, and no redemption is under way here. Enter the code of the mail."
            }
            Self::NoLicenseOnCode => "This code carries no licence. Enter the activation code of your subscription.",
            Self::NotSelfHost => "This installation keeps no licence of its own.",
            Self::RedemptionReplaced => {
                "Another code was entered on this machine meanwhile. Look at what became of it before you enter this one again."
            }
            Self::RedemptionUnfinished => {
                "The redemption is not finished yet. The code has not been lost; the same command again goes on from here."
            }
            Self::RegistrationRejected => "The licence service refuses the registration. Contact support.",
            Self::RevokedAppliance => "The licence service has ended this appliance. Contact support.",
            Self::ServiceUnavailable => {
                "The licence service cannot be reached. Nothing has been lost; the next attempt goes on from here."
            }
            Self::StateBusy => "Another process is redeeming a code on this machine. Wait for it to end.",
            Self::StateUnusable => {
                "What is stored about the redemption on this machine cannot be used. Contact support before you remove it."
            }
            Self::SupersededClaimCode => {
                "This install code was replaced by a newer one. Use the code of the latest mail."
            }
            Self::TemporalUnavailable => {
                "Temporal does not answer. The code has not been lost; the same command again goes on from here."
            }
            Self::TenantMismatch => "This code or licence belongs to another tenant. The code can still be used there.",
            Self::TenantRequired => "This code can only be used by a newer appliance. Update the appliance.",
            Self::TenantSuspended => "This tenant is suspended. Contact support.",
            Self::TooManyAttempts => "There were too many attempts. Wait, then try again.",
            Self::TrustUnusable => "The keys to verify licences with cannot be used. Contact support.",
            Self::UnknownCredential => "The licence service does not know this appliance any more. Redeem a new code.",
            Self::UntrustedService => {
                "The address of the licence service is not one that this appliance trusts. Check ALGA_LICENSE_SERVICE_URL."
            }
        }
    }

    /// The code of an error of `/register` or `/check-in`.
    pub fn of_service(code: &str) -> Self {
        match code {
            "invalid_claim_code" => Self::InvalidClaimCode,
            "expired_claim_code" => Self::ExpiredClaimCode,
            "consumed_claim_code" => Self::ConsumedClaimCode,
            "superseded_claim_code" => Self::SupersededClaimCode,
            "tenant_mismatch" => Self::TenantMismatch,
            "no_license_on_code" => Self::NoLicenseOnCode,
            "idempotency_conflict" => Self::IdempotencyConflict,
            "entitlement_inactive" => Self::EntitlementInactive,
            "tenant_suspended" => Self::TenantSuspended,
            "tenant_required" => Self::TenantRequired,
            "too_many_attempts" => Self::TooManyAttempts,
            "unknown_credential" => Self::UnknownCredential,
            "revoked_appliance" => Self::RevokedAppliance,
            _ => Self::RegistrationRejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_sorted_and_each_has_a_sentence() {
        let names: Vec<&str> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(names.is_sorted());
        for code in FailureCode::ALL {
            assert!(code.sentence().ends_with('.'), "{code:?}");
            assert_eq!(FailureCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(FailureCode::parse("configuration"), None);
    }

    /// The four of `/register` (licensing contract, section 5.4), and no code at all.
    #[test]
    fn exactly_five_codes_are_for_the_operator_to_correct() {
        let correct: Vec<&str> =
            FailureCode::ALL.iter().filter(|code| code.remedy() == Remedy::Correct).map(|code| code.as_str()).collect();
        let expected = [
            "consumed_claim_code",
            "expired_claim_code",
            "invalid_claim_code",
            "no_claim_code",
            "superseded_claim_code",
        ];
        assert_eq!(correct, expected);
    }

    #[test]
    fn a_code_of_the_service_keeps_its_name_and_an_unknown_one_is_a_plain_refusal() {
        for code in [
            "invalid_claim_code",
            "expired_claim_code",
            "consumed_claim_code",
            "superseded_claim_code",
            "tenant_mismatch",
            "no_license_on_code",
            "idempotency_conflict",
            "entitlement_inactive",
            "tenant_suspended",
            "tenant_required",
            "too_many_attempts",
            "unknown_credential",
            "revoked_appliance",
        ] {
            assert_eq!(FailureCode::of_service(code).as_str(), code);
        }
        assert_eq!(FailureCode::of_service("invalid_appliance_id"), FailureCode::RegistrationRejected);
        assert_eq!(FailureCode::of_service("new_code"), FailureCode::RegistrationRejected);
    }
}
