//! `POST /revoke`: a subscription has ended, or one appliance is lost (licensing contract, sections 5.2 and 15).

use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeRequest {
    /// The subscription.
    pub stripe_sub_id: String,
    /// Only this appliance of the subscription; the subscription stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appliance_id: Option<String>,
}

/// The answer. A repeat answers the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeAnswer {
    /// `revoked`.
    pub status: String,
    /// Codes that were revoked with the subscription.
    pub codes_revoked: i64,
}
