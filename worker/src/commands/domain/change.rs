//! `register`, `reconcile`, `disable`: the three wishes, each said in the row first and to the run afterwards.

use super::{Whose, context, watch};
use crate::cli::{Output, print, print_json};
use crate::clients::portal_runs::{Announced, Announcement, PortalRuns, Trigger};
use crate::clients::temporal;
use crate::config::{Role, Source};
use crate::exit::{Exit, Failure};
use serde_json::json;
use std::time::Duration;
use store::RegisterError;

/// Status to wait for, and how long.
type Wait = Option<(String, Duration)>;

/// `tenantry domain register`.
pub(super) async fn register(
    source: &Source,
    whose: Whose,
    host: &str,
    wait: Wait,
    output: Output,
) -> Result<Exit, Failure> {
    let domains = Box::pin(context::Domains::connect_to_act(source)).await?;
    let canonical = store::canonical_host(&whose.tenant.to_string(), source.value("NEXTAUTH_URL"));
    let row = store::register(domains.application()?, whose.tenant, host, &canonical).await.map_err(refused)?;
    let trigger = if row.trigger == "register" { Trigger::Register } else { Trigger::Refresh };
    let announced =
        announce(domains.runs()?, row.tenant_id.to_string(), row.portal_domain_id.to_string(), trigger).await?;
    match output {
        Output::Text => {
            let replaces = row.previous_domain.as_ref().map(|old| format!("\n  replaces   {old}, once it serves"));
            print(&format!(
                "registered {} for tenant {} ({}){}\n  row        {}\n  point it   {} CNAME {}",
                row.domain,
                row.tenant_id,
                word(announced),
                replaces.unwrap_or_default(),
                row.portal_domain_id,
                row.domain,
                row.canonical_host
            ));
        }
        Output::Json if wait.is_none() => print_json(&json!({"row": row, "run": announced})),
        Output::Json => {}
    }
    let whose = Whose { domain_id: Some(row.portal_domain_id), ..whose };
    wait_for(&domains, whose, wait, output).await
}

/// `tenantry domain disable`.
pub(super) async fn disable(source: &Source, whose: Whose, wait: Wait, output: Output) -> Result<Exit, Failure> {
    let domains = Box::pin(context::Domains::connect_to_act(source)).await?;
    let row = domains.required_row(whose).await?;
    let id = store::disable(domains.application()?, whose.tenant)
        .await
        .map_err(|error| Failure::of(Exit::Unreachable, error))?
        .ok_or_else(|| context::not_found(whose))?;
    let announced = announce(domains.runs()?, whose.tenant.to_string(), id.to_string(), Trigger::Disable).await?;
    match output {
        Output::Text => print(&format!(
            "ordered {} off ({}); its row goes when the removal is verified",
            row.domain,
            word(announced)
        )),
        Output::Json if wait.is_none() => {
            print_json(
                &json!({"tenantId": whose.tenant, "portalDomainId": id, "domain": row.domain, "run": announced}),
            );
        }
        Output::Json => {}
    }
    wait_for(&domains, whose, wait, output).await
}

/// `tenantry domain reconcile`. With both ids only Temporal is needed; a database that answers is asked all the same, so that
/// a wrong id is said.
pub(super) async fn reconcile(source: &Source, whose: Whose, output: Output) -> Result<Exit, Failure> {
    let (settings, id) = match whose.domain_id {
        Some(id) => {
            refuse_other_row(source, whose).await?;
            (context::settings(source, &[])?, id)
        }
        None => {
            let settings = context::settings(source, &[Role::Worker])?;
            let pool = crate::clients::database::pool(&settings.database, Role::Worker).await?;
            let row = context::row(&pool, whose).await?.ok_or_else(|| context::not_found(whose))?;
            (settings, row.portal_domain_id)
        }
    };
    let client = temporal::connect(&settings.temporal).await?;
    let announcement = Announcement {
        tenant_id: whose.tenant.to_string(),
        portal_domain_id: id.to_string(),
        trigger: Trigger::Refresh,
    };
    PortalRuns::new(client, settings.temporal.portal_queue).reconcile(&announcement).await?;
    let workflow_id = contract::names::portal_domain_workflow_id(&announcement.tenant_id);
    match output {
        Output::Text => print(&format!("signalled {workflow_id}; it looks now (started if nothing ran)")),
        Output::Json => print_json(&json!({"workflowId": workflow_id, "signal": contract::names::RECONCILE_SIGNAL})),
    }
    Ok(Exit::Ok)
}

/// Answers `NotFound` when a database that answers has no such row.
async fn refuse_other_row(source: &Source, whose: Whose) -> Result<(), Failure> {
    let Ok(settings) = context::settings(source, &[Role::Worker]) else { return Ok(()) };
    let Ok(pool) = crate::clients::database::pool(&settings.database, Role::Worker).await else { return Ok(()) };
    match context::row(&pool, whose).await {
        Ok(None) => Err(context::not_found(whose)),
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

async fn announce(
    runs: &PortalRuns,
    tenant_id: String,
    portal_domain_id: String,
    trigger: Trigger,
) -> Result<Announced, Failure> {
    // The row is written: the sweep finds it within a minute even if nobody hears this.
    runs.announce(&Announcement { tenant_id, portal_domain_id, trigger }).await.map_err(|failure| Failure {
        error: failure
            .error
            .context("the row is written, but the run was not told; the sweep finds it within a minute"),
        ..failure
    })
}

async fn wait_for(domains: &context::Domains, whose: Whose, wait: Wait, output: Output) -> Result<Exit, Failure> {
    match wait {
        Some((status, timeout)) => watch::until(domains, whose, Some(status), Some(timeout), output).await,
        None => Ok(Exit::Ok),
    }
}

const fn word(announced: Announced) -> &'static str {
    match announced {
        Announced::Started => "run started",
        Announced::Signalled => "run signalled",
    }
}

fn refused(error: RegisterError) -> Failure {
    let exit = match &error {
        RegisterError::Input { .. } => Exit::Usage,
        RegisterError::Taken => Exit::Refused,
        RegisterError::NoTenant(_) => Exit::NotFound,
        RegisterError::Store(_) => Exit::Unreachable,
    };
    Failure::of(exit, error)
}
