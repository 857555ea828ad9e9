//! `migrate`: schema and roles of the database, the licence tables of an appliance, search attributes of the namespace. Safe
//! to repeat; down undoes the schema.

use crate::cli::{Output, print, print_json};
use crate::clients::{database, temporal};
use crate::config::{ClientSettings, Reader, Role, Source};
use crate::exit::{Exit, Failure};
use appliance::schema::{self as licenses, Migrated};
use clap::Args;
use serde_json::json;
use sqlx::migrate::MigrateError;
use std::collections::HashMap;
use store::{Roles, SchemaError};
use temporalio_client::tonic::{Code, IntoRequest as _};
use temporalio_client::{Client, NamespacedClient as _};
use temporalio_protos::temporal::api::enums::v1::IndexedValueType;
use temporalio_protos::temporal::api::operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest};

/// What answers "why is this waiting" in the Temporal UI. All of type Keyword.
const SEARCH_ATTRIBUTES: [&str; 4] = ["TenantId", "Domain", "DomainStatus", "DomainReason"];

/// Arguments of `migrate`.
#[derive(Debug, Args)]
#[command(
    after_help = "The database is changed as DB_USER_ADMIN. The roles tenantry_worker (or TENANTRY_DB_USER) and\n\
                        tenantry_responder (or TENANTRY_DB_RESPONDER_USER) get the passwords that are set.\n\
                        Where the application has the table license_state, the tables of an appliance's licence are made too.\n\n\
                        Examples:\n  tenantry migrate\n  tenantry migrate --database-only\n  tenantry migrate --down"
)]
pub(crate) struct MigrateArgs {
    /// Leaves Temporal alone.
    #[arg(long)]
    database_only: bool,
    /// Takes everything of ours out of the database again; the product's rows stay.
    #[arg(long)]
    down: bool,
}

/// Runs the command.
pub(crate) async fn run(args: MigrateArgs, output: Output, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("warn"),
        crate::telemetry::logs::Reader::Person,
        None,
    );
    let settings = ClientSettings::parse(source, &[Role::Admin]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let roles = read_roles(source)?;
    let pool = database::pool(&settings.database, Role::Admin).await?;
    // The tables of licences are in the store's schema: made after it, gone before it.
    let (report, licensed) = if args.down {
        let licensed = licenses::revert(&pool).await.map_err(refused_licenses)?;
        (store::revert(&pool, &roles).await.map_err(refused)?, licensed)
    } else {
        let report = store::migrate(&pool, &roles).await.map_err(refused)?;
        (report, licenses::migrate(&pool, roles.worker.name()).await.map_err(refused_licenses)?)
    };
    let added = if args.database_only || args.down {
        Vec::new()
    } else {
        search_attributes(&temporal::connect(&settings.temporal).await?).await?
    };
    match output {
        Output::Text => {
            let version = report.version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let done = if args.down { "undone" } else { "applied" };
            let licensed = match &licensed {
                Migrated::Changed(versions) => format!("{} migration(s) {done}", versions.len()),
                Migrated::NoLicences => "none here".to_owned(),
            };
            print(&format!(
                "schema version {version}, {} migration(s) {done}; licence tables: {licensed}; roles: {}; search attributes added: {}",
                report.changed.len(),
                words(&report.roles),
                words(&added)
            ));
        }
        Output::Json => {
            let licensed = match licensed {
                Migrated::Changed(versions) => json!({ "changed": versions }),
                Migrated::NoLicences => json!(null),
            };
            print_json(&json!({"schema": report, "licences": licensed, "searchAttributesAdded": added}));
        }
    }
    Ok(Exit::Ok)
}

fn words(list: &[String]) -> String {
    if list.is_empty() { "no change".to_owned() } else { list.join(", ") }
}

fn read_roles(source: &Source) -> Result<Roles, Failure> {
    let mut reader = Reader::new(source);
    let worker = reader.text_or("TENANTRY_DB_USER", store::WORKER_ROLE);
    let worker_password = reader.secret("TENANTRY_DB_PASSWORD");
    let responder = reader.text_or("TENANTRY_DB_RESPONDER_USER", store::RESPONDER_ROLE);
    let responder_password = reader.secret("TENANTRY_DB_RESPONDER_PASSWORD");
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    let role = |name: &str, password: Option<crate::config::Secret>| {
        store::Role::new(name, password.as_ref().map(crate::config::Secret::expose)).map_err(refused)
    };
    Ok(Roles { worker: role(&worker, worker_password)?, responder: role(&responder, responder_password)? })
}

fn refused(error: SchemaError) -> Failure {
    let exit = match &error {
        SchemaError::ProductMissing | SchemaError::History(_) => Exit::Refused,
        SchemaError::RoleName | SchemaError::Password => Exit::No,
        SchemaError::Database(_) => Exit::Unreachable,
    };
    Failure::of(exit, error)
}

fn refused_licenses(error: licenses::SchemaError) -> Failure {
    let exit = match &error {
        licenses::SchemaError::RoleName => Exit::No,
        // A newer build was here, or a file changed.
        licenses::SchemaError::Migration(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))
        | licenses::SchemaError::Database(_) => Exit::Unreachable,
        licenses::SchemaError::Migration(_) => Exit::Refused,
    };
    Failure::of(exit, error)
}

/// Adds the attributes that are missing. Repeating it does nothing.
async fn search_attributes(client: &Client) -> Result<Vec<String>, Failure> {
    let unreachable = |status: temporalio_client::tonic::Status| {
        Failure::new(Exit::Unreachable, format!("could not set up search attributes: {}", status.message()))
    };
    let namespace = client.namespace();
    let request = ListSearchAttributesRequest { namespace: namespace.clone() };
    let present = client.connection().operator_service().list_search_attributes(request.into_request()).await;
    let present = present.map_err(unreachable)?.into_inner().custom_attributes;
    let missing: HashMap<String, i32> = SEARCH_ATTRIBUTES
        .iter()
        .filter(|name| !present.contains_key(**name))
        .map(|name| ((*name).to_owned(), IndexedValueType::Keyword as i32))
        .collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = SEARCH_ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
    names.retain(|name| missing.contains_key(name));
    let request = AddSearchAttributesRequest { search_attributes: missing, namespace };
    match client.connection().operator_service().add_search_attributes(request.into_request()).await {
        Ok(_) => Ok(names),
        // Another process was faster.
        Err(status) if status.code() == Code::AlreadyExists => Ok(Vec::new()),
        Err(status) => Err(unreachable(status)),
    }
}
