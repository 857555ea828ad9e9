//! The activities of licensing. Names that the licensing contract gives (section 8) are frozen; the others are ours.

#![expect(clippy::unimplemented, reason = "the macro of the SDK asks for this body")]
#![expect(missing_docs, reason = "the macro generates undocumented associated constants")]

use crate::sensitive::Sensitive;
use proto::v1::{
    ApplyRequest, ApplyResult, CheckInRequest, EssentialsRegistrationInput, InstallEmailReply, InstallEmailRequest,
    PrepareRedemptionRequest, PreparedRedemption, RedeemResult, RedemptionStepReply, RedemptionStepRequest,
    RegisteredReply, ReissueEmailReply, ReissueEmailRequest, ReissueReply, RevocationInput, RevocationReply,
};
use serde::{Deserialize, Serialize};
use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

/// Result of `applianceCheckInWorkflow` and of its activity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInResult {
    /// `not_self_host`, `not_connected`, `refreshed`, `unchanged`, `revoked` or `error`.
    pub outcome: String,
    /// End of the licence that counts now, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// What was wrong, in one word or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What the vendor's worker does: it asks the licence API, and mails codes.
pub struct Registry;

/// What an appliance's own worker does.
pub struct Appliance;

#[activity_definitions]
impl Registry {
    /// Registers the tenant, or finds it by its submission. Its input holds a person's address, so it is marked.
    #[activity(name = "registerEssentialsTenant")]
    pub fn register_essentials(_: Sensitive<EssentialsRegistrationInput>) -> Result<RegisteredReply, ActivityError> {
        unimplemented!()
    }

    /// Asks for the same code again, and mails it once.
    #[activity(name = "deliverEssentialsInstallEmail")]
    pub fn deliver_essentials(_: Sensitive<InstallEmailRequest>) -> Result<InstallEmailReply, ActivityError> {
        unimplemented!()
    }

    /// Keeps a place for the mail among those of the contact's address, before a code ends for it.
    #[activity(name = "reserveReissueEmail")]
    pub fn reserve_reissue(_: ReissueEmailRequest) -> Result<ReissueEmailReply, ActivityError> {
        unimplemented!()
    }

    /// Gives a tenant a new code; the answer has its reference only.
    #[activity(name = "reissueInstallCode")]
    pub fn reissue(_: ReissueEmailRequest) -> Result<ReissueReply, ActivityError> {
        unimplemented!()
    }

    /// Asks for the same code again, and mails it once to the tenant's contact.
    #[activity(name = "deliverReissueEmail")]
    pub fn deliver_reissue(_: ReissueEmailRequest) -> Result<InstallEmailReply, ActivityError> {
        unimplemented!()
    }

    /// Ends a subscription's licences and unused codes.
    #[activity(name = "revokeLicense")]
    pub fn revoke(_: RevocationInput) -> Result<RevocationReply, ActivityError> {
        unimplemented!()
    }
}

#[activity_definitions]
impl Appliance {
    /// Reads `license_state`, and persists appliance id, idempotency key and code. The one step that gets a code.
    #[activity(name = "prepareRedemption")]
    pub fn prepare(_: Sensitive<PrepareRedemptionRequest>) -> Result<PreparedRedemption, ActivityError> {
        unimplemented!()
    }

    /// Asks the licence API, verifies the answer and persists it. From then on the API is not asked again.
    #[activity(name = "redeemInstallCode")]
    pub fn redeem(_: RedemptionStepRequest) -> Result<RedemptionStepReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the licence to `license_state`.
    #[activity(name = "storeRedeemedLicense")]
    pub fn store(_: RedemptionStepRequest) -> Result<RedemptionStepReply, ActivityError> {
        unimplemented!()
    }

    /// Writes the licence to the Secret, and forgets the code.
    #[activity(name = "updateLicenseSecret")]
    pub fn update_secret(_: RedemptionStepRequest) -> Result<RedemptionStepReply, ActivityError> {
        unimplemented!()
    }

    /// Checks in for the first time.
    #[activity(name = "confirmRedemption")]
    pub fn confirm(_: RedemptionStepRequest) -> Result<RedeemResult, ActivityError> {
        unimplemented!()
    }

    /// Verifies a pasted licence and writes it, the database first.
    #[activity(name = "applyLicense")]
    pub fn apply(_: Sensitive<ApplyRequest>) -> Result<ApplyResult, ActivityError> {
        unimplemented!()
    }

    /// Asks for a newer licence, verifies and stores it.
    #[activity(name = "applianceLicenseCheckInActivity")]
    pub fn check_in(_: CheckInRequest) -> Result<CheckInResult, ActivityError> {
        unimplemented!()
    }
}

pub use appliance::{Apply, CheckIn, Confirm, Prepare, Redeem, Store, UpdateSecret};
pub use registry::{DeliverEssentials, DeliverReissue, RegisterEssentials, Reissue, ReserveReissue, Revoke};
