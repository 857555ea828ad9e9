//! One round: load → look → decide → audit → apply → report.

use contract::activities::Store;
use contract::convert;
use contract::options::short_step;
use model::portal::audit::{AuditFacts, audit};
use model::portal::decide::{Situation, ask_now, decide};
use model::portal::expiry;
use model::portal::health::Health;
use model::portal::plan::{Decision, Plan, Verdict};
use model::portal::record::Status;
use model::portal::schedule::{REQUEST_SPACING_MS, VANISHED_CONFIRM_MS};
use proto::v1::{DomainRecord, LoadDomainRequest};
use temporalio_workflow::{WorkflowContext, WorkflowTermination};

use super::PortalDomain;
use super::state::Loaded;
use super::{looks, removal, report, steps};
use crate::clock::now_ms;

/// Most passes of look and apply in one round; a round that needs more has a defect, and rests.
const PASSES_MAX: u32 = 24;
/// Wait before another try when our database or cluster cannot be written.
pub(super) const OUTAGE_RETRY_MS: i64 = 10_000;

/// What follows a round.
pub(super) enum Next {
    /// Read the row again at once.
    Again,
    /// The row is gone and nothing is left.
    Ended,
    /// Nothing to do before this time, unless somebody asks.
    Rest {
        /// Unix milliseconds.
        until_ms: i64,
        /// For people.
        why: String,
    },
}

impl Next {
    /// Our own side failed: try again soon.
    pub(super) fn outage(now_ms: i64, what: &str) -> Self {
        Self::Rest { until_ms: now_ms + OUTAGE_RETRY_MS, why: format!("{what} to answer again") }
    }
}

pub(super) async fn round(ctx: &WorkflowContext<PortalDomain>) -> Result<Next, WorkflowTermination> {
    ctx.state_mut(|w| {
        let s = &mut w.state;
        s.ask_due |= s.requests > s.taken;
        s.taken = s.requests;
        s.steps.clear();
    });
    let Some(record) = load(ctx).await else {
        return Ok(Next::outage(now_ms(ctx), "our database"));
    };
    let next = match take_in(ctx, &record)? {
        Row::Wanted => live(ctx).await?,
        Row::Disabled => {
            ctx.state_mut(|w| w.state.vanished_ms = 0);
            removal::remove(ctx).await?
        }
        Row::Gone => vanished(ctx).await?,
    };
    ctx.state_mut(|w| w.state.steps.truncate(STEPS_SHOWN));
    if matches!(next, Next::Rest { .. } | Next::Ended) {
        report::conclude(ctx, &next);
    }
    Ok(next)
}

/// Most step names in an answer.
const STEPS_SHOWN: usize = 32;

/// What the row asks for.
enum Row {
    Wanted,
    Disabled,
    Gone,
}

async fn load(ctx: &WorkflowContext<PortalDomain>) -> Option<DomainRecord> {
    let request = ctx.state(|w| LoadDomainRequest {
        tenant_id: w.state.tenant.clone(),
        portal_domain_id: w.state.wanted_id.clone(),
        now_ms: now_ms(ctx),
        workflow_id: String::new(),
    });
    let record = ctx.execute_local_activity(Store::load_domain, request, short_step("read the row")).await.ok()?;
    if record.foreign {
        // The named row belongs to another tenant: forget the name, and read the tenant's own.
        ctx.state_mut(|w| w.state.wanted_id.clear());
        let request = ctx.state(|w| LoadDomainRequest {
            tenant_id: w.state.tenant.clone(),
            portal_domain_id: String::new(),
            now_ms: now_ms(ctx),
            workflow_id: String::new(),
        });
        return ctx.execute_local_activity(Store::load_domain, request, short_step("read the row")).await.ok();
    }
    Some(record)
}

/// Parses what was read and keeps it. An unreadable message is our own defect: the task fails and is tried again.
fn take_in(ctx: &WorkflowContext<PortalDomain>, record: &DomainRecord) -> Result<Row, WorkflowTermination> {
    let inventory = record.inventory.iter().map(convert::object_from_wire).collect::<Result<Vec<_>, _>>();
    let settings = convert::settings_from_wire(record.settings.as_ref());
    let worker_build = record.settings.as_ref().map(|s| s.worker_build.clone()).unwrap_or_default();
    let inventory = inventory.map_err(defect)?;
    let removals_held_ms = record.removals_held_since_ms;
    let former_ids = record.former_ids.clone();
    let (Some(row), Some(claim)) = (&record.row, &record.claim) else {
        // The row is gone; what the claim still owns must go too, also when this run never saw the row.
        if let Some(claim) = &record.claim {
            let row = remembered_row(claim);
            let claim = convert::claim_from_wire(claim);
            ctx.state_mut(|w| {
                w.state.loaded =
                    Some(Loaded { row, claim, inventory, former_ids, settings, worker_build, removals_held_ms })
            });
        }
        return Ok(Row::Gone);
    };
    let row = convert::row_from_wire(row).map_err(defect)?;
    let claim = convert::claim_from_wire(claim);
    let disabled = row.status == Status::Disabled;
    let now = now_ms(ctx);
    let policy = record.policy.as_ref().map(convert::finding_from_wire).transpose().map_err(defect)?;
    ctx.state_mut(|w| {
        let s = &mut w.state;
        s.vanished_ms = 0;
        s.wanted_id.clone_from(&row.id);
        if s.health.as_ref().is_none_or(|health| health.generation != claim.generation) {
            let same_host = s.loaded.as_ref().is_some_and(|loaded| loaded.claim.host == claim.host);
            s.health = Some(match s.health.as_ref().filter(|_| same_host) {
                Some(before) => before.next_generation(claim.generation, now),
                None => {
                    let mut health = Health::new(claim.generation, now);
                    // The claim may be older than this run.
                    (health.opened_ms, health.dns_memory.proven_ms) = (claim.opened_ms, claim.proven_ms);
                    // Live before this run knew it (cut-over, a run that was terminated): live until probes say otherwise.
                    health.edge_memory.serving_now = row.status == Status::Active && !claim.contended;
                    health
                }
            });
            s.written = None;
        }
        if let Some(health) = s.health.as_mut().filter(|health| health.opened_ms < claim.opened_ms) {
            expiry::resume(health, claim.opened_ms);
        }
        if let (Some(policy), Some(health)) = (policy, &mut s.health) {
            let good = |state| state == model::portal::axis::PolicyState::Allowed;
            health.policy.fold(policy, good, claim.generation, now);
        }
        s.loaded = Some(Loaded { row, claim, inventory, former_ids, settings, worker_build, removals_held_ms });
    });
    Ok(if disabled { Row::Disabled } else { Row::Wanted })
}

/// What a claim remembers of a row that is gone: enough to remove its objects, never written back.
fn remembered_row(claim: &proto::v1::Claim) -> model::portal::record::Row {
    model::portal::record::Row {
        id: claim.portal_domain_id.clone(),
        tenant: claim.tenant_id.clone(),
        domain: claim.host.clone(),
        canonical_host: String::new(),
        status: Status::Disabled,
        message: String::new(),
        expected_cname: String::new(),
        certificate_secret_name: String::new(),
        last_checked_ms: 0,
        updated_us: -1,
    }
}

fn defect(error: impl std::error::Error + Send + Sync + 'static) -> WorkflowTermination {
    // Never ends a run: a panic fails the task, which is tried again until fixed code arrives.
    panic!("a message of ours cannot be read: {error}")
}

/// The row asks for a domain.
async fn live(ctx: &WorkflowContext<PortalDomain>) -> Result<Next, WorkflowTermination> {
    ctx.state_mut(|w| w.state.removing_ms = 0);
    if let Some(next) = serve_request(ctx) {
        return Ok(next);
    }
    for _ in 0..PASSES_MAX {
        match report::report(ctx).await? {
            report::Report::Written | report::Report::Unchanged => {}
            report::Report::Stale => return Ok(Next::Again),
            report::Report::Outage => return Ok(Next::outage(now_ms(ctx), "our database")),
        }
        match decide_now(ctx) {
            Decision::Rest { until_ms, why } => return Ok(Next::Rest { until_ms, why }),
            Decision::Release => return removal::release(ctx).await,
            Decision::Look(wanted) => looks::look(ctx, &wanted).await?,
            Decision::Apply(plan) => {
                if let Some(next) = apply(ctx, plan).await? {
                    return Ok(next);
                }
            }
        }
        if ctx.state(|w| w.state.pending()) {
            return Ok(Next::Again);
        }
    }
    Ok(Next::Rest {
        until_ms: now_ms(ctx) + 60_000,
        why: "a round that does not settle; this is our defect".to_owned(),
    })
}

/// Lets a taken request look at everything, at most every two seconds.
fn serve_request(ctx: &WorkflowContext<PortalDomain>) -> Option<Next> {
    let now = now_ms(ctx);
    ctx.state_mut(|w| {
        let s = &mut w.state;
        if !s.ask_due {
            return None;
        }
        let due = s.asked_ms + REQUEST_SPACING_MS;
        if s.asked_ms > 0 && now < due {
            return Some(Next::Rest { until_ms: due, why: "requests that arrive together".to_owned() });
        }
        s.ask_due = false;
        s.asked_ms = now;
        if let Some(health) = &mut s.health {
            ask_now(health, now);
        }
        None
    })
}

fn decide_now(ctx: &WorkflowContext<PortalDomain>) -> Decision {
    let now_ms = now_ms(ctx);
    ctx.state(|w| match (&w.state.loaded, &w.state.health) {
        (Some(loaded), Some(health)) => decide(&Situation {
            row: &loaded.row,
            claim: &loaded.claim,
            inventory: &loaded.inventory,
            health,
            settings: &loaded.settings,
            now_ms,
        }),
        _ => Decision::Rest { until_ms: now_ms + OUTAGE_RETRY_MS, why: "the row".to_owned() },
    })
}

async fn apply(ctx: &WorkflowContext<PortalDomain>, plan: Plan) -> Result<Option<Next>, WorkflowTermination> {
    let verdict = ctx.state(|w| match (&w.state.loaded, &w.state.health) {
        (Some(loaded), Some(health)) => audit(
            &plan,
            &AuditFacts {
                row: &loaded.row,
                claim: &loaded.claim,
                inventory: &loaded.inventory,
                health,
                settings: &loaded.settings,
            },
        ),
        _ => Verdict::Accept,
    });
    if let Verdict::Refuse { rule, reason } = verdict {
        ctx.state_mut(|w| w.state.steps.push(format!("refused {}: {rule}", reason.as_str())));
        return Ok(Some(Next::Rest {
            until_ms: now_ms(ctx) + 15 * 60_000,
            why: format!("an operator: a plan was refused ({rule})"),
        }));
    }
    steps::run(ctx, plan).await
}

/// The row is not there. It is read once more after ten minutes before its objects are removed.
async fn vanished(ctx: &WorkflowContext<PortalDomain>) -> Result<Next, WorkflowTermination> {
    let now = now_ms(ctx);
    let (owns, first_seen) = ctx.state_mut(|w| {
        let s = &mut w.state;
        if s.vanished_ms == 0 {
            s.vanished_ms = now;
        }
        // There is nothing to look at: a request is served by this round.
        s.ask_due = false;
        let owns = s.loaded.as_ref().is_some_and(|loaded| !loaded.inventory.is_empty());
        (owns, s.vanished_ms)
    });
    if !owns {
        return Ok(Next::Ended);
    }
    if now - first_seen < VANISHED_CONFIRM_MS {
        let until_ms = first_seen + VANISHED_CONFIRM_MS;
        return Ok(Next::Rest { until_ms, why: "a second look at a row that vanished".to_owned() });
    }
    removal::remove(ctx).await
}
