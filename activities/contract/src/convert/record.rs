//! Row, claim, inventory and settings.

use crate::convert::Unreadable;
use model::portal::hostname::{accepted_targets, proof_name, proof_value};
use model::portal::names::DomainIdentity;
use model::portal::record::{Claim, ObjectKind, OwnedObject, Row, RunSettings, Status};
use proto::v1 as wire;

/// Reads a row. An unknown status word is an error: the application's enum has exactly nine.
pub fn row_from_wire(row: &wire::PortalDomainRow) -> Result<Row, Unreadable> {
    let status = Status::parse(&row.status).ok_or_else(|| Unreadable { what: "status", value: row.status.clone() })?;
    let expected_cname =
        if row.expected_cname.is_empty() { row.canonical_host.clone() } else { row.expected_cname.clone() };
    Ok(Row {
        id: row.id.clone(),
        tenant: row.tenant_id.clone(),
        domain: row.domain.clone(),
        canonical_host: row.canonical_host.clone(),
        status,
        message: row.status_message.clone(),
        expected_cname,
        certificate_secret_name: row.certificate_secret_name.clone(),
        last_checked_ms: row.last_checked_ms,
        updated_us: row.updated_us,
    })
}

/// Writes a row, as the base of a compare-and-set.
pub fn row_to_wire(row: &Row) -> wire::PortalDomainRow {
    wire::PortalDomainRow {
        id: row.id.clone(),
        tenant_id: row.tenant.clone(),
        domain: row.domain.clone(),
        canonical_host: row.canonical_host.clone(),
        status: row.status.as_str().to_owned(),
        status_message: row.message.clone(),
        expected_cname: row.expected_cname.clone(),
        certificate_secret_name: row.certificate_secret_name.clone(),
        last_checked_ms: row.last_checked_ms,
        updated_us: row.updated_us,
    }
}

/// Asks for one look at DNS on behalf of a claim, in a round and in a sweep alike.
pub fn look_up_request(row: &Row, claim: &Claim, now_ms: i64) -> wire::LookUpHostRequest {
    wire::LookUpHostRequest {
        host: claim.host.clone(),
        accepted_targets: accepted_targets(&row.expected_cname, &row.canonical_host, &claim.own_target),
        own_target: claim.own_target.clone(),
        proof_name: proof_name(&claim.host),
        proof_value: proof_value(&claim.ownership_token),
        now_ms,
        contended: claim.contended,
        portal_domain_id: row.id.clone(),
    }
}

/// Reads a claim.
pub fn claim_from_wire(claim: &wire::Claim) -> Claim {
    Claim {
        host: claim.host.clone(),
        generation: claim.generation,
        fence: claim.fence,
        ownership_token: claim.ownership_token.clone(),
        own_target: claim.own_target.clone(),
        probe_nonce: claim.probe_nonce.clone(),
        opened_ms: claim.opened_ms,
        proven_ms: claim.proven_ms,
        contended: claim.contended,
    }
}

/// Reads an inventory entry.
pub fn object_from_wire(object: &wire::InventoryObject) -> Result<OwnedObject, Unreadable> {
    let kind = ObjectKind::parse(&object.kind)
        .ok_or_else(|| Unreadable { what: "object kind", value: object.kind.clone() })?;
    Ok(OwnedObject {
        generation: object.generation,
        kind,
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        uid: object.uid.clone(),
        host: object.host.clone(),
    })
}

/// Writes an inventory entry.
pub fn object_to_wire(object: &OwnedObject) -> wire::InventoryObject {
    wire::InventoryObject {
        generation: object.generation,
        kind: object.kind.as_str().to_owned(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        uid: object.uid.clone(),
        host: object.host.clone(),
    }
}

/// Reads whose objects are meant; absent ones are nobody's, and every fence behind refuses them.
pub fn identity_from_wire(objects: Option<&wire::DomainObjects>) -> DomainIdentity {
    let o = objects.cloned().unwrap_or_default();
    DomainIdentity {
        tenant_id: o.tenant_id,
        portal_domain_id: o.portal_domain_id,
        former_ids: o.former_ids,
        host: o.host,
        generation: o.generation,
        fence: o.fence,
        probe_nonce: o.probe_nonce,
        slug: o.slug,
    }
}

/// Reads the settings; absent ones have the contract's defaults.
pub fn settings_from_wire(settings: Option<&wire::RunSettings>) -> RunSettings {
    let default = RunSettings::default();
    let Some(given) = settings else { return default };
    let or = |value: &str, default: String| if value.is_empty() { default } else { value.to_owned() };
    RunSettings {
        dns_confirm_ms: match given.dns_confirm_ms {
            0 => default.dns_confirm_ms,
            ms => i64::from(ms),
        },
        challenge_ours: given.challenge_ours,
        certificate_namespace: or(&given.certificate_namespace, default.certificate_namespace),
        gateway_namespace: or(&given.gateway_namespace, default.gateway_namespace),
        routes_namespace: or(&given.routes_namespace, default.routes_namespace),
        manifests: given.manifests,
    }
}
