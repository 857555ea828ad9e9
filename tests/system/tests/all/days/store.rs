//! The row, the claim and the inventory of the one domain, with the rules of the real statements.

use super::world::{CANONICAL, HOST};
use contract::convert::finding_to_wire;
use model::finding::Finding;
use model::portal::axis::PolicyState;
use model::portal::expiry::row_goes_after;
use model::portal::schedule::CLAIM_LIFE_MS;
use proto::v1 as wire;
use std::collections::BTreeMap;

/// The tenant.
pub(super) const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// The row.
pub(super) const DOMAIN: &str = "dddddddd-0000-4000-8000-000000000001";

/// A removal that no run works at is announced again after this long, and every other row after [`SILENCE_MS`]: the bounds
/// of the real sweep (`activities/store/src/sweep.rs`).
const REMOVAL_SILENCE_MS: i64 = 10 * 60_000;
const SILENCE_MS: i64 = 26 * 3_600_000;

/// What PostgreSQL holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) row: Option<wire::PortalDomainRow>,
    /// `verification_details`, values as JSON.
    pub(super) details: BTreeMap<String, String>,
    claim: Option<wire::Claim>,
    pub(super) inventory: Vec<wire::InventoryObject>,
    axes: Vec<wire::AxisState>,
    fingerprint: String,
    /// When a run last read the row, and the version that it saw or wrote.
    seen_ms: i64,
    seen_version: i64,
}

impl Store {
    /// The application's register action.
    pub(super) fn register(&mut self, now_ms: i64) {
        self.row = Some(wire::PortalDomainRow {
            id: DOMAIN.to_owned(),
            tenant_id: TENANT.to_owned(),
            domain: HOST.to_owned(),
            canonical_host: CANONICAL.to_owned(),
            status: "pending_dns".to_owned(),
            status_message: "Waiting".to_owned(),
            expected_cname: CANONICAL.to_owned(),
            last_checked_ms: now_ms,
            updated_us: now_ms * 1000,
            ..wire::PortalDomainRow::default()
        });
    }

    /// The application sets a status: retry and disable.
    pub(super) fn application_writes(&mut self, status: &str, now_ms: i64) {
        if let Some(row) = &mut self.row {
            status.clone_into(&mut row.status);
            row.updated_us = (row.updated_us + 1).max(now_ms * 1000);
            if status == "disabled" {
                row.certificate_secret_name.clear();
            }
        }
    }

    pub(super) fn status(&self) -> &str {
        self.row.as_ref().map_or("gone", |row| &row.status)
    }

    /// The row asks for a served domain.
    pub(super) fn wanted(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.status != "disabled")
    }

    pub(super) fn object_name(&self) -> String {
        format!("portal-domain-{DOMAIN}")
    }

    pub(super) fn load(&mut self, now_ms: i64) -> wire::DomainRecord {
        let settings = Some(wire::RunSettings {
            challenge_ours: true,
            worker_build: "days".to_owned(),
            ..wire::RunSettings::default()
        });
        let Some(row) = &self.row else {
            let claim = self.claim.clone().filter(|_| !self.inventory.is_empty());
            return wire::DomainRecord {
                claim,
                inventory: self.inventory.clone(),
                settings,
                ..wire::DomainRecord::default()
            };
        };
        let claim = self.claim.get_or_insert_with(|| wire::Claim {
            tenant_id: TENANT.to_owned(),
            portal_domain_id: DOMAIN.to_owned(),
            host: HOST.to_owned(),
            generation: 1,
            fence: 1,
            ownership_token: "token".to_owned(),
            own_target: "t-own.portal.app.psa.example".to_owned(),
            probe_nonce: "nonce".to_owned(),
            opened_ms: now_ms,
            ..wire::Claim::default()
        });
        let expired = now_ms - claim.opened_ms.max(claim.proven_ms) >= CLAIM_LIFE_MS;
        if expired && row.status == "pending_dns" {
            claim.opened_ms = now_ms;
        }
        (self.seen_ms, self.seen_version) = (now_ms, row.updated_us);
        wire::DomainRecord {
            row: Some(row.clone()),
            claim: Some(claim.clone()),
            inventory: self.inventory.clone(),
            policy: Some(finding_to_wire(&Finding::good(PolicyState::Allowed))),
            settings,
            ..wire::DomainRecord::default()
        }
    }

    /// Compares and sets; never over `disabled`.
    pub(super) fn write(&mut self, request: &wire::WriteStatusRequest) -> wire::WriteStatusReply {
        let reply = |outcome: &str, updated_us| wire::WriteStatusReply { outcome: outcome.to_owned(), updated_us };
        let base = request.base.clone().unwrap_or_default();
        let Some(row) = &mut self.row else { return reply("gone", 0) };
        if row.status == "disabled"
            || (&row.status, &row.domain, row.updated_us) != (&base.status, &base.domain, base.updated_us)
        {
            return reply("stale", row.updated_us);
        }
        row.updated_us = (base.updated_us + 1).max(request.now_ms * 1000);
        row.status.clone_from(&request.status);
        row.status_message.clone_from(&request.status_message);
        row.certificate_secret_name.clone_from(&request.certificate_secret_name);
        if request.looked {
            row.last_checked_ms = request.now_ms;
        }
        self.seen_version = row.updated_us;
        self.details.extend(request.details.clone());
        self.axes.clone_from(&request.axes);
        if !request.fingerprint_sha256.is_empty() {
            self.fingerprint.clone_from(&request.fingerprint_sha256);
        }
        let other = |claim: &&mut wire::Claim| claim.proof_method != request.proof_method;
        if let Some(claim) = self.claim.as_mut().filter(|_| !request.proof_method.is_empty()).filter(other) {
            claim.proven_ms = request.now_ms;
            claim.proof_method.clone_from(&request.proof_method);
        }
        reply("written", row.updated_us)
    }

    pub(super) fn record(&mut self, request: &wire::RecordInventoryRequest) -> wire::RecordInventoryReply {
        let reply = |outcome: &str| wire::RecordInventoryReply { outcome: outcome.to_owned() };
        if !request.wanted_domain.is_empty() && !self.wanted() {
            return reply("stale");
        }
        let same = |a: &wire::InventoryObject, b: &wire::InventoryObject| (&a.kind, &a.name) == (&b.kind, &b.name);
        for object in &request.objects {
            if !self.inventory.iter().any(|known| same(known, object)) {
                self.inventory.push(object.clone());
            }
        }
        self.inventory.retain(|known| !request.removed.iter().any(|gone| same(known, gone)));
        reply("recorded")
    }

    pub(super) fn delete(&mut self, request: &wire::DeleteRowRequest) -> wire::DeleteRowReply {
        let base = request.base.clone().unwrap_or_default();
        let outcome = match &self.row {
            None => "gone",
            Some(row) if row.updated_us != base.updated_us => "stale",
            Some(row) if !(row.status == "disabled" || request.expired && self.long_expired(request.now_ms)) => "stale",
            Some(_) if !self.inventory.is_empty() => "stale",
            Some(_) => {
                (self.row, self.claim) = (None, None);
                "deleted"
            }
        };
        wire::DeleteRowReply { outcome: outcome.to_owned() }
    }

    fn long_expired(&self, now_ms: i64) -> bool {
        let begun = self.claim.as_ref().map(|claim| claim.opened_ms.max(claim.proven_ms));
        begun.is_some_and(|begun| now_ms >= row_goes_after(begun))
    }

    /// The sweep's statement for a fleet of one.
    pub(super) fn sweep(&self, now_ms: i64) -> wire::SweepPage {
        let mut page = wire::SweepPage::default();
        let why = match (&self.row, &self.claim) {
            (None, _) => return page,
            (Some(_), None) => "unannounced",
            (Some(row), _) if row.updated_us != self.seen_version => "changed",
            (Some(row), _) if row.status == "disabled" && self.seen_ms <= now_ms - REMOVAL_SILENCE_MS => {
                "disabled_with_objects"
            }
            _ if self.seen_ms <= now_ms - SILENCE_MS => "unannounced",
            _ => "",
        };
        let (Some(row), claim) = (&self.row, self.claim.clone().unwrap_or_default()) else { return page };
        if !why.is_empty() {
            page.items.push(wire::SweepItem {
                tenant_id: TENANT.to_owned(),
                portal_domain_id: DOMAIN.to_owned(),
                why: why.to_owned(),
                active: row.status == "active",
            });
        } else if row.status == "active" {
            let edge = self.axes.iter().find(|axis| axis.axis == "edge").cloned().unwrap_or_default();
            page.active.push(wire::SweepDomain {
                tenant_id: TENANT.to_owned(),
                portal_domain_id: DOMAIN.to_owned(),
                host: HOST.to_owned(),
                probe_nonce: claim.probe_nonce,
                generation: claim.generation,
                fingerprint_sha256: self.fingerprint.clone(),
                secret_name: row.certificate_secret_name.clone(),
                edge_state: edge.state,
                edge_reason: edge.reason,
            });
        }
        page
    }
}
