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
/// Portal domains: read; write the seven columns that the contract names; delete; never insert. Rows of a tenant: insert; of
/// `tenants` and `users` change the named columns; delete nothing. History, ledger and logs: append. Nothing on one-time
/// tokens, which a deleted row takes along by its foreign key.
const WORKER_RIGHTS: &[&str] = &[
    "REVOKE ALL ON ALL TABLES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA tenantry FROM {role}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
    "GRANT USAGE ON SCHEMA tenantry TO {role}",
    "GRANT SELECT, DELETE ON public.portal_domains TO {role}",
    "GRANT UPDATE (status, status_message, last_checked_at, verification_details, certificate_secret_name, \
     last_synced_resource_version, updated_at) ON public.portal_domains TO {role}",
    "GRANT SELECT (tenant, client_name, product_code), INSERT, UPDATE (client_name, email, updated_at, billing_source, plan, \
     product_code, licensed_user_count, last_license_update, stripe_event_id) ON public.tenants TO {role}",
    // Nobody's stored password is read.
    "GRANT SELECT (tenant, user_id, email, first_name, last_name, user_type, is_inactive, created_at), INSERT, \
     UPDATE (hashed_password, updated_at) ON public.users TO {role}",
    "GRANT SELECT, INSERT ON public.clients, public.client_locations, public.client_billing_profiles, public.contacts, \
     public.tag_definitions, public.tag_mappings, public.roles, public.permissions, public.role_permissions, \
     public.user_roles, public.tax_regions, public.tax_rates, public.statuses, public.asset_type_registry, \
     public.tenant_settings, public.tenant_email_settings, public.tenant_companies, public.tenant_addons, \
     public.stripe_customers, public.stripe_subscriptions, public.apple_iap_subscriptions, \
     public.tenant_notification_category_settings, public.tenant_notification_subtype_settings, \
     public.tenant_internal_notification_category_settings, public.tenant_internal_notification_subtype_settings TO {role}",
    // A column that only some installations have.
    "DO $$ BEGIN IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = \
     'stripe_subscriptions' AND column_name = 'stripe_subscription_item_id') THEN \
     GRANT UPDATE (stripe_subscription_item_id) ON public.stripe_subscriptions TO {role}; END IF; END $$",
    "GRANT SELECT ON public.countries, public.stripe_products, public.stripe_prices, public.notification_categories, \
     public.notification_subtypes, public.internal_notification_categories, public.internal_notification_subtypes TO {role}",
    "GRANT INSERT ON public.extension_audit_logs TO {role}",
    "GRANT USAGE ON SEQUENCE public.tenant_email_settings_id_seq TO {role}",
    "GRANT SELECT, INSERT, UPDATE (sealed, result) ON tenantry.activity_ledger TO {role}",
    "GRANT SELECT, INSERT, DELETE ON tenantry.creation_claims TO {role}",
    "GRANT SELECT, INSERT, UPDATE (state, workflow_id, step, reason, changed_at) ON tenantry.creations TO {role}",
    "GRANT SELECT, INSERT ON tenantry.creation_log TO {role}",
    "GRANT SELECT, INSERT, UPDATE (state, why) ON tenantry.install_mails TO {role}",
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
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
    "GRANT USAGE ON SCHEMA tenantry TO {role}",
    "GRANT SELECT (token, host, body, expires_at) ON tenantry.preflight_tokens TO {role}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
    "ALTER ROLE {role} SET statement_timeout = '2s'",
];

/// What is taken back at a revert; the rights on own tables go with the tables.
const WITHDRAW: &str =
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}; REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}";

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
