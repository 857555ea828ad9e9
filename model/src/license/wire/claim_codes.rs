//! `POST /claim-codes`: an activation code for a subscription (licensing contract, section 5.2).

use super::secret_text;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimCodeRequest {
    /// The subscription.
    pub stripe_sub_id: String,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClaimCodeAnswer {
    /// The code. Every older one of the subscription is refused from now on.
    #[serde(with = "secret_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: SecretString,
    /// When the code ends, in unix seconds.
    pub expires_at: i64,
    /// Public reference of the code.
    pub claim_code_id: String,
}
