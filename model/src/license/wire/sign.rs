//! `POST /sign`: a licence for a subscription (licensing contract, section 5.3).

use super::secret_text;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The request.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignRequest {
    /// The subscription; a new one creates its entitlement.
    pub stripe_sub_id: String,
    /// Name of the customer, for the licence.
    pub customer: String,
    /// `pro`.
    pub tier: String,
    /// Above zero; absent is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<i64>,
    /// `connected` or `airgap`.
    pub transport: String,
    /// The tenant, for which the licence counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// The customer is not shown.
impl fmt::Debug for SignRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignRequest").field("stripe_sub_id", &self.stripe_sub_id).finish_non_exhaustive()
    }
}

/// The answer. Both are null for a connected subscription whose tenant is not known yet: its first licence comes with the
/// redemption.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignAnswer {
    /// The licence.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub jwt: Option<SecretString>,
    /// Its `exp` in unix seconds.
    pub exp: Option<i64>,
    /// Its `sub`, which never changes.
    pub sub: String,
}

fn write<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => secret_text::serialize(secret, serializer),
        None => serializer.serialize_none(),
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

impl SignAnswer {
    /// The text of the licence, when there is one.
    pub fn license(&self) -> Option<&str> {
        self.jwt.as_ref().map(|jwt| jwt.expose_secret())
    }
}
