//! The activities of the store, each in one transaction.

#![expect(missing_docs, reason = "the macro of the SDK makes undocumented constants")]

use crate::db::{self, WORK_TIMEOUT};
use crate::error::{StoreError, to_activity_error};
use crate::{Settings, inventory, load, preflight, remove, sweep, write};
use contract::activities as definition;
use proto::v1::{
    DeleteRowReply, DeleteRowRequest, DomainRecord, LoadDomainRequest, RecordInventoryReply, RecordInventoryRequest,
    SavePreflightTokenReply, SavePreflightTokenRequest, SweepPage, SweepRequest, WriteStatusReply, WriteStatusRequest,
};
use sqlx::PgPool;
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use tokio::time::timeout;

/// Row, claim and other records of portal domains, under the worker's database role.
///
/// Cheap to clone behind its `Arc`; connections come from the pool. Every method is repeatable: the same request gives the
/// same effect and the same answer.
#[derive(Debug)]
pub struct StoreActivities {
    pool: PgPool,
    settings: Settings,
}

impl StoreActivities {
    /// Works on this pool, which should come from [`crate::pool`].
    pub const fn new(pool: PgPool, settings: Settings) -> Self {
        Self { pool, settings }
    }

    /// Reads the row, opens or advances the claim, and judges the host name.
    ///
    /// The id of the request is honoured when it is the tenant's; when it is empty or gone, the tenant's only row is found
    /// instead. Another tenant's id, or a tenant that the run does not belong to, is answered with `foreign` and nothing else.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn load(&self, request: &LoadDomainRequest) -> Result<DomainRecord, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, load::load_domain(&mut conn, &self.settings, request)).await;
        db::settle("load the domain", conn, answer).await
    }

    /// Writes what a round found, compare-and-set; never over `disabled`, and never `disabled` itself.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn write(&self, request: &WriteStatusRequest) -> Result<WriteStatusReply, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, write::write_status(&mut conn, &self.settings, request)).await;
        db::settle("write the status", conn, answer).await
    }

    /// Records which objects a generation owns, and which were read back as gone.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn record(&self, request: &RecordInventoryRequest) -> Result<RecordInventoryReply, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, inventory::record(&mut conn, request)).await;
        db::settle("record the inventory", conn, answer).await
    }

    /// Deletes the row after a verified removal, if it is still `disabled`, unchanged, and nothing of it is left.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn delete(&self, request: &DeleteRowRequest) -> Result<DeleteRowReply, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, remove::delete_row(&mut conn, &self.settings, request)).await;
        db::settle("delete the row", conn, answer).await
    }

    /// Saves a token for the challenge responder.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn save_token(&self, request: &SavePreflightTokenRequest) -> Result<SavePreflightTokenReply, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, preflight::save_token(&mut conn, request)).await;
        db::settle("save the preflight token", conn, answer).await
    }

    /// Reads one page of the fleet.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
    pub async fn sweep(&self, request: &SweepRequest) -> Result<SweepPage, StoreError> {
        let mut conn = db::acquire(&self.pool).await?;
        let answer = timeout(WORK_TIMEOUT, sweep::sweep(&mut conn, request)).await;
        db::settle("sweep the rows", conn, answer).await
    }
}

#[activities]
impl StoreActivities {
    /// See [`Self::load`].
    #[activity(definition = definition::LoadDomain)]
    pub async fn load_domain(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: LoadDomainRequest,
    ) -> Result<DomainRecord, ActivityError> {
        self.load(&input).await.map_err(to_activity_error)
    }

    /// See [`Self::write`].
    #[activity(definition = definition::WriteStatus)]
    pub async fn write_status(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: WriteStatusRequest,
    ) -> Result<WriteStatusReply, ActivityError> {
        self.write(&input).await.map_err(to_activity_error)
    }

    /// See [`Self::record`].
    #[activity(definition = definition::RecordInventory)]
    pub async fn record_inventory(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: RecordInventoryRequest,
    ) -> Result<RecordInventoryReply, ActivityError> {
        self.record(&input).await.map_err(to_activity_error)
    }

    /// See [`Self::delete`].
    #[activity(definition = definition::DeleteRow)]
    pub async fn delete_row(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: DeleteRowRequest,
    ) -> Result<DeleteRowReply, ActivityError> {
        self.delete(&input).await.map_err(to_activity_error)
    }

    /// See [`Self::save_token`].
    #[activity(definition = definition::SavePreflightToken)]
    pub async fn save_preflight_token(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: SavePreflightTokenRequest,
    ) -> Result<SavePreflightTokenReply, ActivityError> {
        self.save_token(&input).await.map_err(to_activity_error)
    }

    /// See [`Self::sweep`].
    #[activity(definition = definition::SweepRows)]
    pub async fn sweep_rows(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: SweepRequest,
    ) -> Result<SweepPage, ActivityError> {
        self.sweep(&input).await.map_err(to_activity_error)
    }
}
