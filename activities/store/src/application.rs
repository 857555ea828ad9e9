//! `tenantry domain register|disable`: exactly what the web application's server actions do to the row
//! (portal-domain contract, section 3). Runs under the web application's role; the worker's role cannot insert a row.

use crate::db::{acquire, begin, commit, roll_back};
use crate::error::StoreError;
use crate::sql;
use model::portal::network::plain;
use serde::Serialize;
use serde_json::json;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Base of the canonical host where `NEXTAUTH_URL` is unset or no URL.
const DEFAULT_BASE: &str = "algapsa.com";
/// Letters of the tenant id at the front of the canonical host.
const PREFIX_CHARS: usize = 7;

/// Why a domain could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// A rule of the settings page fails.
    #[error("cannot register this host name: {rule}")]
    Input {
        /// The rule.
        rule: &'static str,
    },
    /// Another tenant's row holds the host, or the same canonical host.
    #[error("cannot register this host name: another tenant has it")]
    Taken,
    /// There is no such tenant.
    #[error("there is no tenant {0}: a domain belongs to a tenant of the application")]
    NoTenant(Uuid),
    /// The database refused or is not available.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A row that was written, and what the caller sends to the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The row, which survives a change of domain.
    pub portal_domain_id: Uuid,
    /// The host as stored.
    pub domain: String,
    /// The canonical host as stored.
    pub canonical_host: String,
    /// `register`, or `refresh` when a row with another domain existed.
    pub trigger: &'static str,
    /// The host that the row had before, where it was another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_domain: Option<String>,
}

/// The canonical host of a tenant: the first 7 characters of its id, `.portal.`, and the host name of `NEXTAUTH_URL`.
///
/// ```
/// assert_eq!(
///     store::canonical_host("abcdef1-2345-6789", Some("https://app.example.com")),
///     "abcdef1.portal.app.example.com",
/// );
/// assert_eq!(store::canonical_host("abcdef1-2345-6789", Some("no url")), "abcdef1.portal.algapsa.com");
/// ```
pub fn canonical_host(tenant_id: &str, nextauth_url: Option<&str>) -> String {
    let prefix: String = tenant_id.trim().chars().take(PREFIX_CHARS).collect();
    let base = nextauth_url.and_then(host_of_url).unwrap_or_else(|| DEFAULT_BASE.to_owned());
    format!("{prefix}.portal.{base}")
}

/// The host name of an absolute URL, without user, port and path.
fn host_of_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    (!scheme.is_empty() && !host.is_empty() && !host.contains(char::is_whitespace)).then_some(host)
}

/// The input rules of the settings page. They let through more than the worker does, which validates again.
fn checked(input: &str, canonical_host: &str) -> Result<String, RegisterError> {
    let domain = input.trim().to_lowercase();
    let rule = if domain.is_empty() {
        "it is blank"
    } else if !(3..=253).contains(&domain.chars().count()) {
        "it must have 3 to 253 characters"
    } else if !domain.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-') {
        "only a to z, 0 to 9, dots and hyphens are allowed; leave out https://, ports and paths"
    } else if !domain.contains('.') {
        "it needs at least one dot"
    } else if domain == plain(canonical_host) {
        "it is the tenant's own canonical host"
    } else if domain.starts_with('.') || domain.ends_with('.') {
        "it must not start or end with a dot"
    } else {
        return Ok(domain);
    };
    Err(RegisterError::Input { rule })
}

/// Writes the row as the web application's register does: upsert by tenant, everything rebuilt, id and created_at kept.
///
/// `app` is a pool of the web application's role. Announce the result to the workflow afterwards, with its `trigger`.
///
/// # Errors
/// See [`RegisterError`].
pub async fn register(
    app: &PgPool,
    tenant: Uuid,
    host: &str,
    canonical_host: &str,
) -> Result<Registered, RegisterError> {
    let domain = checked(host, canonical_host)?;
    let mut conn = acquire(app).await?;
    let answer = write_row(&mut conn, tenant, domain, canonical_host).await;
    if answer.is_err() {
        roll_back(conn).await;
    }
    answer
}

async fn write_row(
    conn: &mut PgConnection,
    tenant: Uuid,
    domain: String,
    canonical_host: &str,
) -> Result<Registered, RegisterError> {
    let mut tx = begin(conn).await?;
    let before = sql::APP_ROW.bind(tenant).optional(&mut tx).await?;
    let previous: Option<String> = before.as_ref().map(|record| record.field("domain")).transpose()?;
    let previous = previous.filter(|previous| *previous != domain);
    let mut details = json!({ "expected_cname": canonical_host, "requested_domain": domain });
    if let Some(previous) = &previous {
        details["previous_domain"] = json!(previous);
    }
    let message = format!("Waiting for the DNS record: point {domain} to {canonical_host}.");
    let row = sql::APP_REGISTER
        .bind(tenant)
        .bind(&domain)
        .bind(canonical_host)
        .bind(message)
        .bind(Json(details))
        .one(&mut tx)
        .await
        .map_err(|error| conflict(tenant, error))?;
    let portal_domain_id = row.field("id")?;
    commit(tx).await?;
    Ok(Registered {
        tenant_id: tenant,
        portal_domain_id,
        domain,
        canonical_host: canonical_host.to_owned(),
        trigger: if previous.is_some() { "refresh" } else { "register" },
        previous_domain: previous,
    })
}

/// unique_violation and foreign_key_violation are answers, not faults.
fn conflict(tenant: Uuid, error: StoreError) -> RegisterError {
    match &error {
        StoreError::Rejected { sqlstate: Some(code), .. } if code == "23505" => RegisterError::Taken,
        StoreError::Rejected { sqlstate: Some(code), .. } if code == "23503" => RegisterError::NoTenant(tenant),
        StoreError::Rejected { .. } | StoreError::Unavailable { .. } | StoreError::Unreadable { .. } => error.into(),
    }
}

/// Writes the row as the web application's disable does. Returns the row's id; `None` when the tenant has no row.
///
/// # Errors
/// `STORE_UNAVAILABLE`, `STORE_REJECTED`.
pub async fn disable(app: &PgPool, tenant: Uuid) -> Result<Option<Uuid>, StoreError> {
    let mut conn = acquire(app).await?;
    let mut tx = begin(&mut conn).await?;
    let row =
        sql::APP_DISABLE.bind(tenant).bind("The domain was disabled and is being removed.").optional(&mut tx).await?;
    let id = row.map(|record| record.field("id")).transpose()?;
    commit(tx).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(checked(input, "abcdef1.portal.app.example.com").ok().as_deref(), expected, "{input}");
    }

    #[test]
    fn input_rules_are_those_of_the_settings_page() {
        check(" Portal.Customer.COM ", Some("portal.customer.com"));
        check("a..b.com", Some("a..b.com"));
        check("-foo.com", Some("-foo.com"));
        check("1.2.3.4", Some("1.2.3.4"));
        check("  ", None);
        check("a.", None);
        check("localhost", None);
        check(".x.com", None);
        check("x.com.", None);
        check("x_y.com", None);
        check("ABCDEF1.portal.app.example.com", None);
        check(&format!("{}.com", "a".repeat(250)), None);
    }

    #[test]
    fn the_base_is_the_host_name_of_the_url() {
        assert_eq!(
            canonical_host("abcdef1x", Some("http://user@App.Example.com:3000/x")),
            "abcdef1.portal.app.example.com"
        );
        assert_eq!(canonical_host(" abcdef1x", None), "abcdef1.portal.algapsa.com");
        assert_eq!(canonical_host("abcdef1x", Some("")), "abcdef1.portal.algapsa.com");
    }
}
