//! The ledger: a step and its record commit together, so that a repeat answers what was answered before.

use super::error::TenantError;
use super::sql;
use crate::db::{self, commit, micros};
use model::tenant::failure::FailureType;
use model::tenant::names::ledger_key;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// One step of one creation.
pub(super) struct Entry<'a> {
    /// Id of the first workflow.
    pub(super) origin_id: &'a str,
    /// The activity.
    pub(super) activity: &'static str,
    /// Which of several, such as the user of a mail; empty for the only one.
    pub(super) part: &'a str,
    /// The tenant, as far as it is known.
    pub(super) tenant: Option<Uuid>,
    /// Digest of the input.
    pub(super) digest: Vec<u8>,
    /// Unix milliseconds.
    pub(super) now_ms: i64,
}

impl Entry<'_> {
    pub(super) fn key(&self) -> String {
        ledger_key(self.origin_id, self.activity, self.part)
    }
}

/// Digest of an input without the fields that differ between tries of one and the same thing.
pub(super) fn digest(input: &impl Serialize, without: &[&str]) -> Vec<u8> {
    let mut value = serde_json::to_value(input).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        for field in without.iter().chain(&["nowMs", "originId"]) {
            object.remove(*field);
        }
    }
    Sha256::digest(value.to_string()).to_vec()
}

/// Carries a step out once. `work` writes the business rows; its answer is kept beside them in the same transaction.
pub(super) async fn once<T, F>(conn: &mut PgConnection, entry: &Entry<'_>, work: F) -> Result<T, TenantError>
where
    T: Serialize + DeserializeOwned,
    F: AsyncFnOnce(&mut PgConnection) -> Result<T, TenantError>,
{
    begun(conn, entry, None, work).await
}

/// The same for a step on the creation's own tenant, which is proven first: what is kept of a tenant that is gone is no answer,
/// and nobody works on a tenant that their creation did not write.
pub(super) async fn once_on<T, F>(
    conn: &mut PgConnection,
    entry: &Entry<'_>,
    tenant: Uuid,
    work: F,
) -> Result<T, TenantError>
where
    T: Serialize + DeserializeOwned,
    F: AsyncFnOnce(&mut PgConnection) -> Result<T, TenantError>,
{
    begun(conn, entry, Some(tenant), work).await
}

async fn begun<T, F>(conn: &mut PgConnection, entry: &Entry<'_>, own: Option<Uuid>, work: F) -> Result<T, TenantError>
where
    T: Serialize + DeserializeOwned,
    F: AsyncFnOnce(&mut PgConnection) -> Result<T, TenantError>,
{
    let mut tx = db::begin(conn).await?;
    take_turn(&mut tx, vec![entry.origin_id.to_owned()]).await?;
    if let Some(tenant) = own {
        prove(&mut tx, tenant, entry.origin_id).await?;
    }
    if let Some(known) = find(&mut tx, entry).await? {
        commit(tx).await?;
        return Ok(known);
    }
    let answer = work(&mut tx).await?;
    write(&mut tx, entry, &answer).await?;
    commit(tx).await?;
    Ok(answer)
}

/// Refuses a tenant that is not there, and one that the creation with this id did not write.
pub(super) async fn prove(conn: &mut PgConnection, tenant: Uuid, origin_id: &str) -> Result<(), TenantError> {
    let record = sql::FIND_OWN.bind(tenant).bind(origin_id).one(conn).await?;
    if !record.field::<bool>("tenant_exists")? {
        return Err(TenantError::of(FailureType::TenantNotFound, "tenantId: there is no such tenant"));
    }
    if !record.field::<bool>("ours")? {
        return Err(TenantError::of(FailureType::IdempotencyConflict, "tenantId: is not the tenant of this creation"));
    }
    Ok(())
}

/// Makes this the only writer for each of these keys until the transaction ends. Sorted, so that two never wait for each other.
pub(super) async fn take_turn(conn: &mut PgConnection, keys: Vec<String>) -> Result<(), TenantError> {
    sql::TAKE_TURN.bind(keys).all(conn).await?;
    Ok(())
}

/// What an earlier try answered, if there was one with the same input.
pub(super) async fn find<T: DeserializeOwned>(
    conn: &mut PgConnection,
    entry: &Entry<'_>,
) -> Result<Option<T>, TenantError> {
    let Some(record) = sql::FIND_LEDGER.bind(entry.key()).optional(conn).await? else { return Ok(None) };
    let known: Vec<u8> = record.field("input_digest")?;
    if known != entry.digest {
        let text = format!("the step {} was done before with another input", entry.activity);
        return Err(TenantError::of(FailureType::IdempotencyConflict, text));
    }
    let Json(result): Json<Value> = record.field("result")?;
    let answer = serde_json::from_value(result).map_err(|_| {
        let text = format!("the record of the step {} cannot be read by this build", entry.activity);
        TenantError::of(FailureType::IdempotencyConflict, text)
    })?;
    Ok(Some(answer))
}

/// Writes the record of a step.
pub(super) async fn write<T: Serialize>(
    conn: &mut PgConnection,
    entry: &Entry<'_>,
    answer: &T,
) -> Result<(), TenantError> {
    let result = serde_json::to_value(answer).unwrap_or_default();
    sql::WRITE_LEDGER
        .bind(entry.key())
        .bind(entry.origin_id)
        .bind(entry.activity)
        .bind(entry.tenant)
        .bind(&entry.digest)
        .bind(Json(result))
        .bind(micros(entry.now_ms))
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::CreateTenantRequest;

    #[test]
    fn times_proposed_ids_and_key_bases_are_no_part_of_an_input() {
        let first = CreateTenantRequest { now_ms: 1, origin_id: "a".to_owned(), ..CreateTenantRequest::default() };
        let proposed_tenant_id = "x".to_owned();
        let second = CreateTenantRequest { now_ms: 2, origin_id: "b".to_owned(), proposed_tenant_id, ..first.clone() };
        let other = CreateTenantRequest { company_name: "Acme".to_owned(), ..first.clone() };
        let of = |request: &CreateTenantRequest| digest(request, &["proposedTenantId"]);
        assert_eq!(of(&first), of(&second));
        assert_ne!(of(&first), of(&other));
    }
}
