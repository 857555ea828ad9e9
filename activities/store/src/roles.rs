//! The database roles: what each may reach, and nothing else.

use crate::schema::SchemaError;
use crate::scram;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::fmt;

/// Default name of the worker's role.
pub const WORKER_ROLE: &str = "tenantry_worker";
/// Default name of the challenge responder's role.
pub const RESPONDER_ROLE: &str = "tenantry_responder";

/// A login role that `tenantry migrate` creates and gives its rights.
#[derive(Clone, PartialEq, Eq)]
pub struct Role {
    name: String,
    password: Option<String>,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Role {
    /// Names a role. Without a password the role keeps the one it has (a new one then cannot log in by password).
    ///
    /// # Errors
    /// A name other than `[a-z_][a-z0-9_]{0,62}` (PostgreSQL's 63 bytes, without quoting), or a password that is empty or
    /// not printable ASCII.
    pub fn new(name: &str, password: Option<&str>) -> Result<Self, SchemaError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        if !starts || name.len() > 63 || !name.bytes().all(plain) {
            return Err(SchemaError::RoleName);
        }
        if password.is_some_and(|p| p.is_empty() || !p.bytes().all(|b| (0x20..0x7f).contains(&b))) {
            return Err(SchemaError::Password);
        }
        Ok(Self { name: name.to_owned(), password: password.map(str::to_owned) })
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The two roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Runs the activities.
    pub worker: Role,
    /// Reads preflight tokens and nothing else.
    pub responder: Role,
}

/// Rights of the worker, `{role}` being its name. Everything is revoked first, so that a repetition leaves exactly these.
///
/// The product's rows: read; write the seven columns that the contract names; delete; never insert. Of `tenants` the key
/// alone. History and logs: append. Nothing on one-time tokens, which a deleted row takes along by its foreign key.
const WORKER_RIGHTS: &[&str] = &[
    "REVOKE ALL ON ALL TABLES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON public.portal_domains, public.tenants FROM {role}",
    "GRANT USAGE ON SCHEMA tenantry TO {role}",
    "GRANT SELECT, DELETE ON public.portal_domains TO {role}",
    "GRANT UPDATE (status, status_message, last_checked_at, verification_details, certificate_secret_name, \
     last_synced_resource_version, updated_at) ON public.portal_domains TO {role}",
    "GRANT SELECT (tenant) ON public.tenants TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON tenantry.claims, tenantry.observations, tenantry.inventory, tenantry.tombstones TO {role}",
    "GRANT SELECT, INSERT ON tenantry.claim_generations, tenantry.observation_log, tenantry.history TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON tenantry.preflight_tokens TO {role}",
    "GRANT SELECT, INSERT ON tenantry.removal_holds TO {role}",
    "GRANT UPDATE (released_at, released_by, note) ON tenantry.removal_holds TO {role}",
    "GRANT USAGE ON SEQUENCE tenantry.fence TO {role}",
    "GRANT SELECT ON tenantry.schema_migrations TO {role}",
    // No statement of this crate takes seconds; these bounds end what a fail-over or a lock left hanging.
    "ALTER ROLE {role} SET statement_timeout = '10s'",
    "ALTER ROLE {role} SET lock_timeout = '5s'",
    "ALTER ROLE {role} SET idle_in_transaction_session_timeout = '30s'",
];

/// Rights of the challenge responder: the tokens, without the keys that name their rounds.
const RESPONDER_RIGHTS: &[&str] = &[
    "REVOKE ALL ON ALL TABLES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON public.portal_domains, public.tenants FROM {role}",
    "GRANT USAGE ON SCHEMA tenantry TO {role}",
    "GRANT SELECT (token, host, body, expires_at) ON tenantry.preflight_tokens TO {role}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
    "ALTER ROLE {role} SET statement_timeout = '2s'",
];

/// What is taken back at a revert; the rights on own tables go with the tables.
const WITHDRAW: &str = "REVOKE ALL ON public.portal_domains, public.tenants FROM {role}";

fn for_role(text: &str, role: &Role) -> AssertSqlSafe<String> {
    // The name holds nothing but lower-case letters, digits and underscores: see `Role::new`.
    AssertSqlSafe(text.replace("{role}", &role.name))
}

pub(crate) async fn exists(conn: &mut PgConnection, role: &Role) -> Result<bool, SchemaError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)")
        .persistent(false)
        .bind(&role.name)
        .fetch_one(conn)
        .await
        .map_err(|error| SchemaError::database("look for the role", &error))
}

/// Creates the role where it is missing, sets its password and gives it its rights. Returns whether it was created.
async fn ensure(conn: &mut PgConnection, role: &Role, rights: &[&'static str]) -> Result<bool, SchemaError> {
    let created = !exists(conn, role).await?;
    let mut texts = Vec::with_capacity(rights.len() + 2);
    if created {
        texts.push(for_role("CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT", role));
    }
    if let Some(password) = &role.password {
        // The verifier is base64 and punctuation without quotes; the password itself never leaves this process.
        let verifier = scram::verifier(password, &mut rand::rng());
        texts.push(for_role(&format!("ALTER ROLE {{role}} PASSWORD '{verifier}'"), role));
    }
    texts.extend(rights.iter().map(|text| for_role(text, role)));
    for text in texts {
        conn.execute(text).await.map_err(|error| SchemaError::database("give a role its rights", &error))?;
    }
    Ok(created)
}

pub(crate) async fn ensure_both(conn: &mut PgConnection, roles: &Roles) -> Result<Vec<String>, SchemaError> {
    let mut created = Vec::new();
    for (role, rights) in [(&roles.worker, WORKER_RIGHTS), (&roles.responder, RESPONDER_RIGHTS)] {
        if ensure(conn, role, rights).await? {
            created.push(role.name.clone());
        }
    }
    Ok(created)
}

/// Takes the rights on the product's tables back.
pub(crate) async fn withdraw(conn: &mut PgConnection, role: &Role) -> Result<(), SchemaError> {
    if exists(conn, role).await? {
        conn.execute(for_role(WITHDRAW, role))
            .await
            .map_err(|error| SchemaError::database("take the rights back", &error))?;
    }
    Ok(())
}

/// Drops the role, unless something of another database still refers to it. Returns whether it is gone.
pub(crate) async fn drop(conn: &mut PgConnection, role: &Role) -> Result<bool, SchemaError> {
    match conn.execute(for_role("DROP ROLE IF EXISTS {role}", role)).await {
        Ok(_) => Ok(true),
        // dependent_objects_still_exist
        Err(error) if error.as_database_error().is_some_and(|e| e.code().as_deref() == Some("2BP01")) => Ok(false),
        Err(error) => Err(SchemaError::database("drop the role", &error)),
    }
}
