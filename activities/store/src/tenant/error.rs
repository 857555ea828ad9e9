//! What can go wrong with a step: a final type of the closed list, or the database's trouble.

use crate::db::roll_back;
use crate::error::StoreError;
use model::tenant::failure::FailureType;
use serde_json::{Value, json};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::time::error::Elapsed;
use uuid::Uuid;

/// Why a step was not carried out. Carries field names and ids, never a value of a person.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TenantError {
    /// The step cannot succeed as it was asked for.
    #[error("cannot go on: {text}")]
    Final {
        /// Type of the failure.
        kind: FailureType,
        /// What is wrong.
        text: String,
        /// What callers need to act on it, such as `existingTenantId`.
        details: Option<Value>,
    },
    /// The database refused or is not available.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TenantError {
    pub(super) fn of(kind: FailureType, text: impl Into<String>) -> Self {
        Self::Final { kind, text: text.into(), details: None }
    }

    /// Something belongs to a tenant already. Which one is said for billing keys, never for an address.
    pub(super) fn duplicate(what: &str, existing: Option<Uuid>) -> Self {
        Self::Final {
            kind: FailureType::Duplicate,
            text: format!("the {what} belongs to a tenant already"),
            details: existing.map(|tenant| json!({ "existingTenantId": tenant })),
        }
    }

    /// Another run waits for the repair of this creation.
    pub(super) fn repair_required(workflow_id: &str) -> Self {
        Self::Final {
            kind: FailureType::RepairRequired,
            text: format!("the creation waits for a repair in {workflow_id}"),
            details: Some(json!({ "workflowId": workflow_id })),
        }
    }
}

/// Ends one piece of work; see `db::settle`. A transaction that was left is rolled back before the answer goes out.
pub(super) async fn settle<T>(
    during: &'static str,
    mut conn: PoolConnection<Postgres>,
    answer: Result<Result<T, TenantError>, Elapsed>,
) -> Result<T, TenantError> {
    let answer = answer.unwrap_or_else(|_| Err(StoreError::timed_out(during).into()));
    match &answer {
        Ok(_) => {}
        Err(TenantError::Store(error)) => {
            tracing::warn!(failure = error.type_name(), "store: {error}");
            match error.poisons() {
                true => conn.close_on_drop(),
                false => roll_back(conn).await,
            }
        }
        Err(TenantError::Final { .. }) => roll_back(conn).await,
    }
    answer
}
