//! The part that every keyed service route shares: one transaction, the key's turn, the stored answer.

use crate::db::During as _;
use crate::idempotency::{Keyed, Stored};
use crate::idempotency_key::IdempotencyKey;
use crate::problem::Problem;
use crate::secrets::Caller;
use crate::state::AppState;
use serde::Serialize;
use sqlx::{Postgres, Transaction};

/// A transaction in which a key has its turn.
pub(super) struct Turn {
    /// The transaction.
    pub(super) tx: Transaction<'static, Postgres>,
    keyed: Option<Keyed>,
    /// What was stored under the key before.
    pub(super) before: Option<Stored>,
}

impl Turn {
    /// Begins. With a key, waits until an earlier request with it has ended.
    ///
    /// # Errors
    /// `idempotency_conflict`, or 503.
    pub(super) async fn begin(
        state: &AppState,
        route: &'static str,
        caller: &Caller,
        key: Option<&IdempotencyKey>,
        request: &impl Serialize,
    ) -> Result<Self, Problem> {
        let mut tx = state.begin().await?;
        let keyed = key.map(|key| Keyed::header(route, caller.name(), key, request));
        let before = match &keyed {
            Some(keyed) => keyed.begin(&mut tx).await?,
            None => None,
        };
        Ok(Self { tx, keyed, before })
    }

    /// Stores what the answer is made of, and ends the transaction.
    ///
    /// # Errors
    /// 503. When the commit itself fails the outcome is unknown, and a repeat with the key tells it.
    pub(super) async fn end(mut self, result: &impl Serialize, sealed: Option<String>) -> Result<(), Problem> {
        if let Some(keyed) = &self.keyed {
            let result = serde_json::to_value(result).expect("ids and numbers serialise");
            keyed.store(&mut self.tx, &Stored { status: 200, result, sealed }).await?;
        }
        Ok(self.tx.commit().await.during("commit a request")?)
    }

    /// What a sealed part belongs to; none without a key, and then nothing is sealed.
    pub(super) fn aad(&self) -> Option<Vec<u8>> {
        self.keyed.as_ref().map(Keyed::aad)
    }
}
