//! `GET /keys`: the keyset statement (licensing contract, section 7).

use serde::{Deserialize, Serialize};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeysAnswer {
    /// The signed statement, as it was published.
    pub keyset: String,
}
