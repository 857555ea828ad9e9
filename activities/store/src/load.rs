//! `loadDomain`: the row, the claim, the inventory and the verdict of the host rules.

use crate::claim::{self, Asked, Claim, Domain};
use crate::db::{Record, begin_turn, commit, micros};
use crate::error::StoreError;
use crate::{Settings, hold, inventory, remove, sql};
use contract::convert::finding_to_wire;
use contract::names::tenant_of_workflow_id;
use model::portal::hostname::{HostRules, judge};
use model::portal::record::Status;
use model::portal::schedule::VANISHED_CONFIRM_MS;
use proto::v1 as wire;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whose domain is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This tenant's. The id is `None` when the payload had none that can be read: the row is then found by tenant.
    Own { tenant: Uuid, id: Option<Uuid> },
    /// The payload names another tenant than the run belongs to.
    Foreign,
    /// Neither the payload nor the workflow id names a tenant.
    Nobody,
}

/// Finds the tenant. The workflow id decides, because a run belongs to one tenant; a payload that names another is refused.
pub(crate) fn whose(request: &wire::LoadDomainRequest) -> Whose {
    let id = Uuid::parse_str(request.portal_domain_id.trim()).ok();
    let named = Uuid::parse_str(request.tenant_id.trim()).ok();
    let of_run = tenant_of_workflow_id(&request.workflow_id).and_then(|tenant| Uuid::parse_str(tenant.trim()).ok());
    match (of_run, named) {
        (Some(run), Some(named)) if run != named => Whose::Foreign,
        (Some(tenant), _) | (None, Some(tenant)) => Whose::Own { tenant, id },
        (None, None) => Whose::Nobody,
    }
}

pub(crate) async fn load_domain(
    conn: &mut PgConnection,
    settings: &Settings,
    request: &wire::LoadDomainRequest,
) -> Result<wire::DomainRecord, StoreError> {
    let foreign = wire::DomainRecord { foreign: true, ..Default::default() };
    let (tenant, id) = match whose(request) {
        Whose::Own { tenant, id } => (tenant, id),
        Whose::Foreign => {
            tracing::warn!(
                run = request.workflow_id,
                named = request.tenant_id,
                "refused: the request names another tenant"
            );
            return Ok(foreign);
        }
        Whose::Nobody => return Ok(wire::DomainRecord::default()),
    };
    let mut tx = begin_turn(conn, tenant).await?;
    let found = sql::READ_ROW.bind(tenant).bind(id).one(&mut tx).await?;
    if found.field("foreign_id")? {
        commit(tx).await?;
        tracing::warn!(%tenant, named = request.portal_domain_id, "refused: the named row is another tenant's");
        return Ok(foreign);
    }
    let record = match read_row(tenant, &found)? {
        Some(row) => with_row(&mut tx, settings, (tenant, request.now_ms), row).await?,
        None => without_row(&mut tx, settings, (tenant, request.now_ms)).await?,
    };
    commit(tx).await?;
    Ok(record)
}

fn read_row(tenant: Uuid, found: &Record) -> Result<Option<wire::PortalDomainRow>, StoreError> {
    let Some(id) = found.field::<Option<Uuid>>("id")? else { return Ok(None) };
    Ok(Some(wire::PortalDomainRow {
        id: id.to_string(),
        tenant_id: tenant.to_string(),
        domain: found.field("domain")?,
        canonical_host: found.field("canonical_host")?,
        status: found.field("status")?,
        status_message: found.field("status_message")?,
        expected_cname: found.field("expected_cname")?,
        certificate_secret_name: found.field("certificate_secret_name")?,
        last_checked_ms: found.millis("last_checked_us")?,
        updated_us: found.field("updated_us")?,
    }))
}

async fn with_row(
    conn: &mut PgConnection,
    settings: &Settings,
    (tenant, now_ms): (Uuid, i64),
    row: wire::PortalDomainRow,
) -> Result<wire::DomainRecord, StoreError> {
    let id = Uuid::parse_str(&row.id).map_err(|_| StoreError::Unreadable { what: "the row's id" })?;
    let asked = Asked::of(&row.domain, &row.canonical_host, &row.expected_cname);
    let domain = Domain { tenant, id, status: &row.status, row_version: row.updated_us, now_ms };
    let claim = claim::follow(conn, settings, domain, &asked).await?;
    let contended = sql::CONTENDED
        .bind(tenant)
        .bind(&claim.host)
        .bind(&claim.canonical_host)
        .bind(claim.proven_ms > 0)
        .one(conn)
        .await?
        .field("contended")?;
    let rules = HostRules {
        canonical_host: row.canonical_host.clone(),
        reserved_zones: settings.reserved_zones.clone(),
        network: settings.network.clone(),
    };
    let policy = finding_to_wire(&judge(&row.domain, &rules));
    let removals_held_since_ms = match row.status == Status::Disabled.as_str() {
        true => hold::held_since(conn, now_ms).await?,
        false => 0,
    };
    let inventory = inventory::read(conn, tenant).await?;
    Ok(wire::DomainRecord {
        claim: Some(claim.to_wire(tenant, contended)),
        former_ids: inventory.former_ids(id),
        inventory: inventory.objects,
        policy: Some(policy),
        row: Some(row),
        foreign: false,
        settings: Some(settings.run.clone()),
        removals_held_since_ms,
    })
}

/// The row is gone: what is left is the claim, and the objects to remove. A closed claim is answered only while there are
/// objects, so that they can be removed under its fence.
async fn without_row(
    conn: &mut PgConnection,
    settings: &Settings,
    (tenant, now_ms): (Uuid, i64),
) -> Result<wire::DomainRecord, StoreError> {
    let inventory = inventory::read(conn, tenant).await?;
    let open = sql::OPEN_CLAIMS.bind(tenant).all(conn).await?;
    let claim = match open.first() {
        Some(record) => {
            left_over(conn, settings, (tenant, now_ms), Claim::read(record)?, inventory.objects.is_empty()).await?
        }
        None if inventory.objects.is_empty() => None,
        None => sql::LAST_CLAIM.bind(tenant).optional(conn).await?.as_ref().map(Claim::read).transpose()?,
    };
    let former_ids = claim.as_ref().map_or(Vec::new(), |claim| inventory.former_ids(claim.portal_domain_id));
    Ok(wire::DomainRecord {
        claim: claim.map(|claim| claim.to_wire(tenant, false)),
        former_ids,
        inventory: inventory.objects,
        removals_held_since_ms: hold::held_since(conn, now_ms).await?,
        settings: Some(settings.run.clone()),
        ..Default::default()
    })
}

/// An open claim whose row is missing. The first look remembers it; a look ten minutes later confirms it, and a claim that
/// owns nothing is then closed, because no removal will come to close it.
async fn left_over(
    conn: &mut PgConnection,
    settings: &Settings,
    (tenant, now_ms): (Uuid, i64),
    claim: Claim,
    owns_nothing: bool,
) -> Result<Option<Claim>, StoreError> {
    let id = claim.portal_domain_id;
    let gone = sql::MARK_GONE.bind(tenant).bind(id).bind(micros(now_ms)).one(conn).await?.millis("gone_us")?;
    if owns_nothing && now_ms - gone >= VANISHED_CONFIRM_MS {
        let end = remove::End { tenant, id, domain: &claim.host, status: "", now_ms, reason: "vanished" };
        remove::bury(conn, settings, end).await?;
        return Ok(None);
    }
    Ok(Some(claim))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
    const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

    #[track_caller]
    fn check(tenant: &str, id: &str, workflow: &str, expected: Whose) {
        let request = wire::LoadDomainRequest {
            tenant_id: tenant.to_owned(),
            portal_domain_id: id.to_owned(),
            workflow_id: workflow.to_owned(),
            now_ms: 0,
        };
        assert_eq!(whose(&request), expected);
    }

    #[test]
    fn the_workflow_id_decides_whose_domain_it_is() {
        let (a, b) = (Uuid::parse_str(A).unwrap(), Uuid::parse_str(B).unwrap());
        let of_a = format!("portal-domain:{A}");
        check(A, B, &of_a, Whose::Own { tenant: a, id: Some(b) });
        check("", "", &of_a, Whose::Own { tenant: a, id: None });
        check("not a uuid", "nor this", &of_a, Whose::Own { tenant: a, id: None });
        check(&A.to_uppercase(), B, &of_a, Whose::Own { tenant: a, id: Some(b) });
        check(B, B, &of_a, Whose::Foreign);
        check(A, B, "some-test", Whose::Own { tenant: a, id: Some(b) });
        check("", B, "some-test", Whose::Nobody);
    }
}
