//! The service's role: what it may reach, and nothing else.

use super::error::During as _;
use super::schema::SchemaError;
use super::scram;
use rand::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// Default name of the service's role.
pub const APP_ROLE: &str = "license_app";

/// The login role that a migration creates and gives its rights (`DB_USER_APP`, `DB_PASSWORD_APP`).
#[derive(Debug, Clone)]
pub struct AppRole {
    name: String,
    password: Option<SecretString>,
}

impl AppRole {
    /// Names the role. Without a password it keeps the one it has (a new one then cannot log in by password).
    ///
    /// # Errors
    /// A name other than `[a-z_][a-z0-9_]{0,62}` (PostgreSQL's 63 bytes, without quoting), or a password that is empty or
    /// not printable ASCII.
    pub fn new(name: &str, password: Option<SecretString>) -> Result<Self, SchemaError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        if !starts || name.len() > 63 || !name.bytes().all(plain) {
            return Err(SchemaError::RoleName);
        }
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if password.as_ref().is_some_and(|password| !printable(password.expose_secret())) {
            return Err(SchemaError::Password);
        }
        Ok(Self { name: name.to_owned(), password })
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Rights of the service, `{role}` being its name. Everything is revoked first, so that a repetition leaves exactly these.
///
/// No DDL, no TRUNCATE, no deletion of a tenant, an entitlement, a code, an appliance or a redemption. The audit log is
/// written and never read. Only windows of attempts, sources of check-ins and expired keys are deleted, by the sweeper.
const RIGHTS: &[&str] = &[
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE (edition, status, stripe_customer_id, installed_at, updated_at) \
     ON tenant_registry TO {role}",
    "GRANT SELECT, INSERT, UPDATE (tenant_id, customer, tier, seats, transport, active, revoked_at, license_sub, \
     current_iat, current_exp, current_kid, current_claims, updated_at) ON entitlements TO {role}",
    "GRANT SELECT, INSERT, UPDATE (consumed_at, revoked_at, superseded_by) ON claim_codes TO {role}",
    "GRANT SELECT, INSERT, UPDATE (entitlement_id, credential_hash, last_checkin_at, revoked_at) ON appliances TO {role}",
    "GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON check_in_sources TO {role}",
    "GRANT SELECT, INSERT, UPDATE (sealed_answer) ON code_redemptions TO {role}",
    "GRANT SELECT, INSERT, UPDATE (result), DELETE ON idempotent_requests TO {role}",
    "GRANT SELECT, INSERT, UPDATE (failures, refusals, succeeded_at), DELETE ON redeem_attempts TO {role}",
    "GRANT INSERT ON audit_log TO {role}",
    "GRANT SELECT ON schema_migrations TO {role}",
    // No statement of the service takes seconds; these bounds end what a fail-over or a lock left hanging.
    "ALTER ROLE {role} SET statement_timeout = '5s'",
    "ALTER ROLE {role} SET lock_timeout = '4s'",
    "ALTER ROLE {role} SET idle_in_transaction_session_timeout = '15s'",
];

fn for_role(text: &str, role: &AppRole) -> AssertSqlSafe<String> {
    // The name holds nothing but lower-case letters, digits and underscores: see `AppRole::new`.
    AssertSqlSafe(text.replace("{role}", &role.name))
}

async fn exists(conn: &mut PgConnection, role: &AppRole) -> Result<bool, SchemaError> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
        .bind(&role.name)
        .fetch_one(conn)
        .await;
    Ok(found.during("look for the role")?)
}

/// Creates the role where it is missing, sets its password and gives it its rights. Returns whether it was created.
pub(super) async fn ensure(
    conn: &mut PgConnection,
    role: &AppRole,
    rng: &mut impl CryptoRng,
) -> Result<bool, SchemaError> {
    let created = !exists(conn, role).await?;
    let mut texts = Vec::with_capacity(RIGHTS.len() + 2);
    if created {
        texts.push(for_role("CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT", role));
    }
    if let Some(password) = &role.password {
        // The verifier is base64 and punctuation without quotes; the password itself never leaves this process.
        let verifier = scram::verifier(password, rng);
        texts.push(for_role(&format!("ALTER ROLE {{role}} PASSWORD '{verifier}'"), role));
    }
    texts.extend(RIGHTS.iter().map(|text| for_role(text, role)));
    for text in texts {
        conn.execute(text).await.during("give the role its rights")?;
    }
    Ok(created)
}
