//! `POST /install-codes/reissue`: a registered tenant gets a new code (licensing contract, section 5.3).

use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The request: a tenant, its contact address, or both, which then must agree.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReissueRequest {
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Its contact address, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_email: Option<String>,
    /// `true`: also revoke every appliance of the tenant, for a stolen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke_appliances: Option<bool>,
}

/// The address is not shown.
impl fmt::Debug for ReissueRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReissueRequest").field("tenant_id", &self.tenant_id).finish_non_exhaustive()
    }
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReissueAnswer {
    /// The new code. Every older one is refused from now on.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub install_code: SecretString,
    /// Where the image is; empty without an object store.
    pub download_url: String,
    /// When the code ends, in unix seconds.
    pub expires_at: i64,
    /// Public reference of the code.
    pub claim_code_id: String,
    /// Appliances of the tenant that are not revoked.
    #[serde(default)]
    pub live_appliances: Vec<LiveAppliance>,
    /// Only in a replay whose code is no longer live: `consumed`, `revoked` or `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_state: Option<String>,
}

/// An appliance that still checks in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveAppliance {
    /// The id that it gave itself.
    pub appliance_id: String,
    /// Its last check-in, RFC 3339 in UTC.
    pub last_checkin_at: Option<String>,
}
