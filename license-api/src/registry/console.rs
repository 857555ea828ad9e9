//! What the operator's console reads: pages of tenants, and everything about one.

use super::codes::{COLUMNS, CodeRecord};
use super::instant::rfc3339;
use crate::db::{DbError, During as _};
use data_encoding::BASE64URL_NOPAD;
use license::codes::CodeKeys;
use model::license::code_state::{CodeState, CodeTimes};
use model::license::edition::{Edition, Tier};
use model::license::wire::tenants::{
    ApplianceRow, CodeRow, EntitlementRow, TenantDetail, TenantItem, TenantRow, TenantsPage,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

const PAGE: &str = include_str!("console_page.sql");
/// Most codes of one tenant that are shown.
const CODES_MAX: i64 = 100;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `deployment_type`.
    pub deployment_type: Option<&'static str>,
    /// `product_code`.
    pub product_code: Option<&'static str>,
    /// Edition; `pro` also finds rows with the old name.
    pub edition: Option<&'static str>,
    /// Status.
    pub status: Option<&'static str>,
    /// Part of company or address, or the beginning of the id.
    pub search: Option<String>,
    /// Tenants of a page.
    pub limit: i64,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
}

/// The last tenant of the page before. Its text means nothing to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    registered_us: i64,
    tenant_id: Uuid,
}

impl Cursor {
    /// Reads a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (time, id) = bytes.split_first_chunk::<8>()?;
        Some(Self { registered_us: i64::from_be_bytes(*time), tenant_id: Uuid::from_slice(id).ok()? })
    }

    fn text(self) -> String {
        BASE64URL_NOPAD.encode(&[&self.registered_us.to_be_bytes()[..], self.tenant_id.as_bytes()].concat())
    }
}

/// Reads a page, the newest first.
///
/// # Errors
/// [`DbError`].
pub async fn list(conn: &mut PgConnection, filter: &Filter) -> Result<TenantsPage, DbError> {
    let pattern = filter.search.as_deref().map(like);
    let rows = sqlx::query(PAGE)
        .bind(filter.deployment_type)
        .bind(filter.product_code)
        .bind(filter.edition)
        .bind(filter.status)
        .bind(pattern)
        .bind(filter.cursor.map(|cursor| cursor.registered_us))
        .bind(filter.cursor.map(|cursor| cursor.tenant_id))
        .bind(filter.limit + 1)
        .fetch_all(conn)
        .await
        .during("list tenants")?;
    let wrong = |error| DbError::of("read the list of tenants", &error);
    let limit = usize::try_from(filter.limit).unwrap_or(1);
    let shown = rows.iter().take(limit);
    let next_cursor = match rows.get(limit.saturating_sub(1)) {
        Some(last) if rows.len() > limit => Some(cursor(last).map_err(wrong)?.text()),
        Some(_) | None => None,
    };
    Ok(TenantsPage { items: shown.map(item).collect::<Result<_, _>>().map_err(wrong)?, next_cursor })
}

/// A pattern that finds the text anywhere; its own wildcards are plain characters.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn cursor(row: &PgRow) -> Result<Cursor, sqlx::Error> {
    Ok(Cursor { registered_us: row.try_get("registered_us")?, tenant_id: row.try_get("tenant_id")? })
}

/// Editions and tiers are shown by their present names only.
fn edition(word: &str) -> String {
    Edition::parse(word).map_or_else(|| word.to_owned(), |edition| edition.as_str().to_owned())
}

fn tier(word: &str) -> String {
    Tier::parse(word).map_or_else(|| word.to_owned(), |tier| tier.as_str().to_owned())
}

fn item(row: &PgRow) -> Result<TenantItem, sqlx::Error> {
    let at = |column: &str| row.try_get::<Option<i64>, _>(column).map(|at| at.map(rfc3339));
    let newest = row.try_get::<Option<i64>, _>("code_expires_ms")?.map(|expires_at_ms| -> Result<_, sqlx::Error> {
        let times = CodeTimes {
            consumed_at_ms: row.try_get("code_consumed_ms")?,
            revoked_at_ms: row.try_get("code_revoked_ms")?,
            expires_at_ms,
        };
        Ok(CodeState::of(times, row.try_get("now_ms")?))
    });
    Ok(TenantItem {
        tenant_id: row.try_get::<Uuid, _>("tenant_id")?.to_string(),
        company_name: row.try_get("company_name")?,
        contact_email: row.try_get("contact_email")?,
        edition: edition(row.try_get("edition")?),
        product_code: row.try_get("product_code")?,
        status: row.try_get("status")?,
        registered_at: rfc3339(row.try_get("registered_ms")?),
        installed_at: at("installed_ms")?,
        stripe_sub_id: row.try_get("stripe_sub_id")?,
        tier: row.try_get::<Option<String>, _>("tier")?.as_deref().map(tier),
        seats: row.try_get::<Option<i32>, _>("seats")?.map(i64::from),
        entitlement_active: row.try_get("active")?,
        last_checkin_at: at("checkin_ms")?,
        appliance_count: row.try_get("appliance_count")?,
        connected: row.try_get("connected")?,
        install_code_state: CodeState::of_tenant(newest.transpose()?).to_owned(),
    })
}

/// Reads everything about one tenant.
///
/// # Errors
/// [`DbError`].
pub async fn detail(conn: &mut PgConnection, tenant: Uuid, keys: &CodeKeys) -> Result<Option<TenantDetail>, DbError> {
    let wrong = |error| DbError::of("read the tenant", &error);
    let row = sqlx::query(
        "SELECT *, (extract(epoch FROM registered_at) * 1000)::bigint AS registered_ms, \
         (extract(epoch FROM installed_at) * 1000)::bigint AS installed_ms, \
         (extract(epoch FROM created_at) * 1000)::bigint AS created_ms, \
         (extract(epoch FROM updated_at) * 1000)::bigint AS updated_ms FROM tenant_registry WHERE tenant_id = $1",
    )
    .bind(tenant)
    .fetch_optional(&mut *conn)
    .await
    .during("read the tenant")?;
    let Some(row) = row else { return Ok(None) };
    let entitlement = sqlx::query(
        "SELECT stripe_sub_id, tier, seats, active, license_sub, current_exp IS NOT NULL AS signed FROM entitlements \
         WHERE tenant_id = $1 ORDER BY active DESC, created_at DESC, id LIMIT 1",
    )
    .bind(tenant)
    .fetch_optional(&mut *conn)
    .await
    .during("read the tenant's entitlement")?;
    let text = format!("SELECT {COLUMNS} FROM claim_codes WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT $2");
    let codes = sqlx::query(sqlx::AssertSqlSafe(text)).bind(tenant).bind(CODES_MAX).fetch_all(&mut *conn).await;
    let codes = codes.during("read the tenant's codes")?;
    let appliances: Vec<(String, Option<i64>, bool)> = sqlx::query_as(
        "SELECT appliance_id, (extract(epoch FROM last_checkin_at) * 1000)::bigint, revoked_at IS NOT NULL \
         FROM appliances WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT $2",
    )
    .bind(tenant)
    .bind(super::appliances::LISTED_MAX)
    .fetch_all(conn)
    .await
    .during("read the tenant's appliances")?;
    let appliance = |(appliance_id, at, revoked): (String, Option<i64>, bool)| ApplianceRow {
        appliance_id,
        last_checkin_at: at.map(rfc3339),
        revoked,
    };
    Ok(Some(TenantDetail {
        tenant: tenant_row(&row).map_err(wrong)?,
        entitlement: entitlement.as_ref().map(entitlement_row).transpose().map_err(wrong)?,
        install_codes: codes.iter().map(|row| code_row(row, keys)).collect::<Result<_, _>>()?,
        appliances: appliances.into_iter().map(appliance).collect(),
    }))
}

fn tenant_row(row: &PgRow) -> Result<TenantRow, sqlx::Error> {
    Ok(TenantRow {
        tenant_id: row.try_get::<Uuid, _>("tenant_id")?.to_string(),
        edition: edition(row.try_get("edition")?),
        product_code: row.try_get("product_code")?,
        deployment_type: row.try_get("deployment_type")?,
        status: row.try_get("status")?,
        company_name: row.try_get("company_name")?,
        contact_email: row.try_get("contact_email")?,
        contact_name: row.try_get("contact_name")?,
        region: row.try_get("region")?,
        stripe_customer_id: row.try_get("stripe_customer_id")?,
        registered_at: rfc3339(row.try_get("registered_ms")?),
        installed_at: row.try_get::<Option<i64>, _>("installed_ms")?.map(rfc3339),
        created_at: rfc3339(row.try_get("created_ms")?),
        updated_at: rfc3339(row.try_get("updated_ms")?),
    })
}

fn entitlement_row(row: &PgRow) -> Result<EntitlementRow, sqlx::Error> {
    Ok(EntitlementRow {
        stripe_sub_id: row.try_get("stripe_sub_id")?,
        tier: tier(row.try_get("tier")?),
        seats: row.try_get::<Option<i32>, _>("seats")?.map(i64::from),
        active: row.try_get("active")?,
        license_sub: row.try_get("license_sub")?,
        has_current_token: row.try_get("signed")?,
    })
}

fn code_row(row: &PgRow, keys: &CodeKeys) -> Result<CodeRow, DbError> {
    let record = CodeRecord::read(row)?;
    let code = record.code(keys);
    Ok(CodeRow {
        claim_code_id: record.id.to_string(),
        code_masked: code.map_or_else(|| "********".to_owned(), |code| code.masked()),
        expires_at: record.expires_at,
        consumed: record.consumed,
        revoked: record.revoked,
        created_at: rfc3339(record.created_at_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { registered_us: 1_800_000_000_123_456, tenant_id: Uuid::from_u128(7) };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for text in ["", "x", "AAAA", &format!("{}A", cursor.text())] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn wildcards_of_a_search_are_plain_characters() {
        assert_eq!(like(r"50%_\"), r"%50\%\_\\%");
    }
}
