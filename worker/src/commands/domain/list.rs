//! `list`: rows of the database.

use super::{context, text};
use crate::cli::{Output, print, print_json};
use crate::clients::database;
use crate::config::{Role, Source};
use crate::exit::{Exit, Failure};
use clap::Args;
use store::{DomainSummary, ListFilter};
use uuid::Uuid;

/// Rows of one statement.
const PAGE: u32 = 500;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only this status.
    #[arg(long, value_parser = super::status(), hide_possible_values = true)]
    status: Option<String>,
    /// Only hosts with this text in their name.
    #[arg(long, value_name = "TEXT")]
    host: Option<String>,
    /// Only this tenant.
    #[arg(long, value_name = "UUID", value_parser = super::uuid)]
    tenant: Option<Uuid>,
    /// Most rows; all of them when left out.
    #[arg(long)]
    limit: Option<usize>,
}

/// `tenantry domain list`.
pub(super) async fn run(source: &Source, args: ListArgs, output: Output) -> Result<Exit, Failure> {
    let settings = context::settings(source, &[Role::Worker])?;
    let pool = database::pool(&settings.database, Role::Worker).await?;
    let limit = args.limit.unwrap_or(usize::MAX);
    let mut filter = ListFilter {
        status: args.status.unwrap_or_default(),
        host_contains: args.host.unwrap_or_default(),
        tenant: args.tenant,
        after: None,
        limit: PAGE,
    };
    let mut rows: Vec<DomainSummary> = Vec::new();
    while rows.len() < limit {
        let page = store::list_domains(&pool, &filter).await.map_err(|error| Failure::of(Exit::Unreachable, error))?;
        let full = page.len() == PAGE as usize;
        filter.after = page.last().map(|row| row.portal_domain_id);
        rows.extend(page);
        if !full {
            break;
        }
    }
    rows.truncate(limit);
    match output {
        Output::Text => print(&table(&rows)),
        Output::Json => print_json(&rows),
    }
    Ok(Exit::Ok)
}

fn table(rows: &[DomainSummary]) -> String {
    if rows.is_empty() {
        return "no portal domain".to_owned();
    }
    let width = rows.iter().map(|row| row.domain.chars().count()).max().unwrap_or(0).max(6);
    let mut lines = format!(
        "{:<width$}  {:<19}  {:<24}  {:<36}  {:<36}  {}\n",
        "DOMAIN", "STATUS", "LAST CHECKED", "TENANT", "DOMAIN ID", "MESSAGE"
    );
    for row in rows {
        lines.push_str(&format!(
            "{:<width$}  {:<19}  {:<24}  {:<36}  {:<36}  {}\n",
            row.domain,
            row.status,
            text::instant_us(row.last_checked_us),
            row.tenant_id,
            row.portal_domain_id,
            row.status_message
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_row() {
        let row = DomainSummary {
            tenant_id: Uuid::nil(),
            portal_domain_id: Uuid::nil(),
            domain: "portal.acme.test".to_owned(),
            canonical_host: String::new(),
            status: "verifying_dns".to_owned(),
            status_message: "No record yet.".to_owned(),
            last_checked_us: 1_764_100_800_000_000,
            updated_us: -1,
            generation: 1,
            proof_method: String::new(),
        };
        let table = table(&[row]);
        assert!(
            table.lines().nth(1).is_some_and(|line| {
                line.starts_with("portal.acme.test  verifying_dns        2025-11-25T20:00:00.000Z")
                    && line.ends_with("No record yet.")
            }),
            "{table}"
        );
        assert_eq!(self::table(&[]), "no portal domain");
    }
}
