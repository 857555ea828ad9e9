//! `POST /register-tenant`: a tenant enters the registry and gets its install code (licensing contract, section 5.3).

use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The request. With `stripe_sub_id` it carries the linkage of a paid edition.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterTenantRequest {
    /// Name of the company, 1 to 100 characters.
    pub company_name: String,
    /// Address of the contact.
    pub contact_email: String,
    /// `essentials` or `pro`.
    pub edition: String,
    /// Name of the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// `appliance` (when absent) or `hosted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_type: Option<String>,
    /// `psa` (when absent) or `algadesk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_code: Option<String>,
    /// Entity key: one submission is one tenant. 1 to 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission_id: Option<String>,
    /// A tenant id chosen by the caller; otherwise the registry makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The paying customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_customer_id: Option<String>,
    /// The subscription. Its presence is the linkage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripe_sub_id: Option<String>,
    /// `pro` (when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Above zero; absent is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<i64>,
    /// `connected` (when absent) or `airgap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
}

/// Names and addresses of persons are not shown.
impl fmt::Debug for RegisterTenantRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterTenantRequest").field("edition", &self.edition).finish_non_exhaustive()
    }
}

/// The answer: 201 when the tenant was created, 200 when it was there.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterTenantAnswer {
    /// The tenant.
    pub tenant_id: String,
    /// The code; empty for a paid edition without linkage.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub install_code: SecretString,
    /// Where the image is; empty without an object store.
    pub download_url: String,
    /// When the code ends, in unix seconds; null without a code.
    pub expires_at: Option<i64>,
    /// Public reference of the code; null without a code.
    pub claim_code_id: Option<String>,
    /// Only in a replay whose code is no longer live: `consumed`, `revoked` or `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_state: Option<String>,
}
