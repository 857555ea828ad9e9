//! `GET /tenants`, `GET /tenants/{tenant_id}` and `POST /tenants/{tenant_id}/status`: what an operator's console shows and
//! sets (licensing contract, section 5.3). Never a code, a token or a hash.

use serde::{Deserialize, Serialize};

/// Filters of the list. A filter that is absent lets everything through.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct TenantsQuery {
    /// `appliance` or `hosted`.
    pub deployment_type: Option<String>,
    /// Part of the company's name, of the address, or the beginning of the tenant id.
    pub query: Option<String>,
    /// `essentials` or `pro`.
    pub edition: Option<String>,
    /// `psa` or `algadesk`.
    pub product_code: Option<String>,
    /// A status of the registry.
    pub status: Option<String>,
    /// 1 to 200; 50 when absent.
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page, the newest tenants first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantsPage {
    /// The tenants.
    pub items: Vec<TenantItem>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// A line of the list. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantItem {
    /// The tenant.
    pub tenant_id: String,
    /// Its company.
    pub company_name: String,
    /// Its contact.
    pub contact_email: String,
    /// `essentials` or `pro`.
    pub edition: String,
    /// `psa` or `algadesk`.
    pub product_code: String,
    /// Status of the registry.
    pub status: String,
    /// When it was registered.
    pub registered_at: String,
    /// When a code was last redeemed.
    pub installed_at: Option<String>,
    /// Its subscription: the active one, else the newest.
    pub stripe_sub_id: Option<String>,
    /// `pro`.
    pub tier: Option<String>,
    /// Null is unlimited, or no subscription.
    pub seats: Option<i64>,
    /// Whether the subscription is active.
    pub entitlement_active: Option<bool>,
    /// The latest check-in of all its appliances.
    pub last_checkin_at: Option<String>,
    /// Appliances, revoked ones included.
    pub appliance_count: i64,
    /// A connected subscription, and an appliance that is not revoked.
    pub connected: bool,
    /// State of its newest code: `live`, `consumed`, `revoked`, `expired` or `none`.
    pub install_code_state: String,
}

/// Everything about one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantDetail {
    /// Its row.
    pub tenant: TenantRow,
    /// Its subscription: the active one, else the newest.
    pub entitlement: Option<EntitlementRow>,
    /// Its codes, the newest first.
    pub install_codes: Vec<CodeRow>,
    /// Its appliances.
    pub appliances: Vec<ApplianceRow>,
}

/// The registry's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantRow {
    /// The tenant.
    pub tenant_id: String,
    /// `essentials` or `pro`.
    pub edition: String,
    /// `psa` or `algadesk`.
    pub product_code: String,
    /// `appliance` or `hosted`.
    pub deployment_type: String,
    /// Status of the registry.
    pub status: String,
    /// Its company.
    pub company_name: String,
    /// Its contact's address.
    pub contact_email: String,
    /// Its contact's name.
    pub contact_name: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// The paying customer.
    pub stripe_customer_id: Option<String>,
    /// RFC 3339 in UTC, as all times here.
    pub registered_at: String,
    /// When a code was last redeemed.
    pub installed_at: Option<String>,
    /// When the row was made.
    pub created_at: String,
    /// When the row last changed.
    pub updated_at: String,
}

/// The subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntitlementRow {
    /// Its key.
    pub stripe_sub_id: String,
    /// `pro`.
    pub tier: String,
    /// Null is unlimited.
    pub seats: Option<i64>,
    /// Whether it is active.
    pub active: bool,
    /// Subject of its licences.
    pub license_sub: Option<String>,
    /// Whether a licence was signed.
    pub has_current_token: bool,
}

/// A code, of which the last four symbols are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeRow {
    /// Its public reference, as rows of the audit log name it.
    #[serde(default)]
    pub claim_code_id: String,
    /// `****` and four symbols, or `********`.
    pub code_masked: String,
    /// Unix seconds.
    pub expires_at: i64,
    /// Whether it was redeemed.
    pub consumed: bool,
    /// Whether it was revoked.
    pub revoked: bool,
    /// RFC 3339 in UTC.
    pub created_at: String,
}

/// An appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApplianceRow {
    /// The id that it gave itself.
    pub appliance_id: String,
    /// RFC 3339 in UTC.
    pub last_checkin_at: Option<String>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Sets a tenant's status.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStatusRequest {
    /// `suspended`, `cancelled`, or `active`, which lifts either: the tenant goes back to what it had reached.
    pub status: String,
}

/// The status after that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStatusAnswer {
    /// The tenant.
    pub tenant_id: String,
    /// Its status now.
    pub status: String,
}
