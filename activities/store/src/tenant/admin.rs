//! `createAdminUser`: the first internal user of a tenant, with its role.

use super::error::TenantError;
use super::ledger::{self, Entry};
use super::{address, id, sql};
use crate::db::micros;
use model::tenant::failure::FailureType;
use proto::v1 as wire;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use std::fmt;
use uuid::Uuid;

/// An administrator to write.
pub struct AdminRow<'a> {
    /// What the activity was asked; a password in it is not read here.
    pub request: &'a wire::CreateAdminUserRequest,
    /// `salt:hash` of the password, or of a secret that nobody knows.
    pub hash: &'a str,
    /// Keyed hash of an operator's password: tells a repeat with another one.
    pub password_mac: Option<String>,
}

impl fmt::Debug for AdminRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminRow").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What the ledger keeps.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    reply: wire::CreateAdminUserReply,
    #[serde(rename = "passwordMac", default, skip_serializing_if = "Option::is_none")]
    password_mac: Option<String>,
}

pub(super) async fn run(
    conn: &mut PgConnection,
    row: &AdminRow<'_>,
) -> Result<wire::CreateAdminUserReply, TenantError> {
    let request = row.request;
    let tenant = id(&request.tenant_id, "the tenant id")?;
    let entry = Entry {
        origin_id: &request.origin_id,
        activity: "createAdminUser",
        part: "",
        tenant: Some(tenant),
        // A successor of the first run has no password to give; it may still learn that the work was done.
        digest: ledger::digest(request, &["password", "passwordHash", "passwordRef"]),
        now_ms: request.now_ms,
    };
    let kept = ledger::once_on(conn, &entry, tenant, async |conn| write(conn, row, tenant).await).await?;
    let both = kept.password_mac.as_ref().zip(row.password_mac.as_ref());
    if both.is_some_and(|(kept, given)| kept != given) {
        let text = "the administrator was created before with another password";
        return Err(TenantError::of(FailureType::IdempotencyConflict, text));
    }
    // Only the record knows it when this run has no password to give.
    Ok(wire::CreateAdminUserReply { operator_supplied: kept.password_mac.is_some(), ..kept.reply })
}

async fn write(conn: &mut PgConnection, row: &AdminRow<'_>, tenant: Uuid) -> Result<Kept, TenantError> {
    let request = row.request;
    let email = request.email.to_lowercase();
    address::refuse_taken(conn, &email, None).await?;
    let user: Uuid = sql::INSERT_ADMIN
        .bind(tenant)
        .bind(&request.first_name)
        .bind(&request.last_name)
        .bind(&email)
        .bind(row.hash)
        .bind(micros(request.now_ms))
        .one(conn)
        .await?
        .field("user_id")?;
    let Some(role) = sql::FIND_ADMIN_ROLE.bind(tenant).optional(conn).await? else {
        let text = "the tenant has no role Admin; run the onboarding seeds, then retry";
        return Err(TenantError::of(FailureType::Configuration, text));
    };
    let role: Uuid = role.field("role_id")?;
    sql::INSERT_USER_ROLE.bind(tenant).bind(user).bind(role).bind(micros(request.now_ms)).execute(conn).await?;
    sql::END_ADDRESS_CLAIM.bind(&request.origin_id).execute(conn).await?;
    let (user_id, role_id) = (user.to_string(), role.to_string());
    let reply = wire::CreateAdminUserReply { user_id, role_id, ..wire::CreateAdminUserReply::default() };
    Ok(Kept { reply, password_mac: row.password_mac.clone() })
}
