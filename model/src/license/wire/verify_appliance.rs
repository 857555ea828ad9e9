//! `POST /verify-appliance`: a service asks whom a credential belongs to (licensing contract, section 5.3).

use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyApplianceRequest {
    /// The credential that an appliance presented.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub credential: SecretString,
}

/// The answer. It may be cached for five minutes, so a revocation takes at most that long to reach the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyApplianceAnswer {
    /// The appliance's tenant.
    pub tenant_id: String,
    /// `essentials` or `pro`.
    pub edition: String,
    /// The id that the appliance gave itself.
    pub appliance_id: String,
    /// Whether its entitlement is active.
    pub entitlement_active: bool,
    /// Whether it may reach connected services now: an active entitlement of transport `connected`, and a tenant that is
    /// neither suspended nor cancelled.
    pub connectivity_eligible: bool,
}
