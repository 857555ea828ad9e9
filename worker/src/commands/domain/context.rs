//! What the commands share: the run of a tenant, and its row.

use super::Whose;
use crate::clients::portal_runs::{Answer, PortalRuns};
use crate::clients::{database, temporal};
use crate::commands::timeline::{GONE, Look};
use crate::config::{ClientSettings, Role, Source};
use crate::exit::{Exit, Failure};
use proto::v1::StatusReply;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use store::{DomainSummary, ListFilter};
use uuid::Uuid;

/// Runs and rows of portal domains.
pub(crate) struct Domains {
    runs: Result<PortalRuns, String>,
    rows: PgPool,
    application: Option<PgPool>,
}

/// Reads settings; a wrong one is answered like every other question with "no".
pub(crate) fn settings(source: &Source, roles: &[Role]) -> Result<ClientSettings, Failure> {
    ClientSettings::parse(source, roles).map_err(|problems| {
        // A role that is not configured is a refusal: the command may not act with the rights that are there.
        let only_role = roles.contains(&Role::Application) && problems.0.iter().all(|p| p.variable == "DB_USER_SERVER");
        Failure::of(if only_role { Exit::Refused } else { Exit::No }, problems)
    })
}

impl Domains {
    /// Connects to what is needed to look: the rows under the worker's role, and Temporal, without which the row still tells.
    ///
    /// # Errors
    /// Settings, or the database does not answer.
    pub(crate) async fn connect(source: &Source) -> Result<Self, Failure> {
        Box::pin(Self::connect_as(source, &[Role::Worker])).await
    }

    /// Connects to what is needed to act as the web application, too.
    ///
    /// # Errors
    /// `Refused` when its role is not configured; settings, or one of them does not answer.
    pub(crate) async fn connect_to_act(source: &Source) -> Result<Self, Failure> {
        let domains = Box::pin(Self::connect_as(source, &[Role::Application, Role::Worker])).await?;
        domains.runs()?;
        Ok(domains)
    }

    async fn connect_as(source: &Source, roles: &[Role]) -> Result<Self, Failure> {
        let settings = settings(source, roles)?;
        let application = async {
            match roles.contains(&Role::Application) {
                true => database::pool(&settings.database, Role::Application).await.map(Some),
                false => Ok(None),
            }
        };
        let client = async { Ok(temporal::connect(&settings.temporal).await) };
        let (rows, application, client) =
            tokio::try_join!(database::pool(&settings.database, Role::Worker), application, client)?;
        let runs = match client {
            Ok(client) => Ok(PortalRuns::new(client, settings.temporal.portal_queue.clone())),
            Err(failure) => Err(failure.to_string()),
        };
        Ok(Self { runs, rows, application })
    }

    /// The runs.
    ///
    /// # Errors
    /// `Unreachable` when Temporal did not answer.
    pub(crate) fn runs(&self) -> Result<&PortalRuns, Failure> {
        self.runs.as_ref().map_err(|why| Failure::new(Exit::Unreachable, why.clone()))
    }

    /// Asks the open run of a tenant; why nobody answers is data.
    ///
    /// # Errors
    /// `Unreachable` when Temporal went away since it was connected to.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, tenant: Uuid, query: &str) -> Result<Answer<T>, Failure> {
        match &self.runs {
            Ok(runs) => runs.query(&tenant.to_string(), query).await,
            Err(why) => Ok(Answer::Silent(why.clone())),
        }
    }

    /// The pool that rows are read from.
    pub(crate) const fn rows(&self) -> &PgPool {
        &self.rows
    }

    /// The pool that wishes are written to.
    ///
    /// # Errors
    /// `Refused` when this was not connected to act.
    pub(crate) fn application(&self) -> Result<&PgPool, Failure> {
        self.application.as_ref().ok_or_else(|| Failure::new(Exit::Refused, "this command may only look"))
    }

    /// The row of a tenant; `None` when there is none, or when it is not the one that was named.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn row(&self, whose: Whose) -> Result<Option<DomainSummary>, Failure> {
        row(&self.rows, whose).await
    }

    /// The row of a tenant.
    ///
    /// # Errors
    /// `NotFound`, `Unreachable`.
    pub(crate) async fn required_row(&self, whose: Whose) -> Result<DomainSummary, Failure> {
        self.row(whose).await?.ok_or_else(|| not_found(whose))
    }

    /// One look for a timeline: the row tells the status, the run adds the reason.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) async fn look(&self, whose: Whose) -> Result<Look, Failure> {
        let Some(row) = self.row(whose).await? else {
            return Ok(Look { status: GONE.to_owned(), ..Look::default() });
        };
        let reason = match self.ask::<StatusReply>(whose.tenant, "status").await? {
            Answer::Run(reply) if reply.status == row.status => reply.reason,
            Answer::Run(_) | Answer::NoRun | Answer::Silent(_) => String::new(),
        };
        Ok(Look { status: row.status, reason, message: row.status_message })
    }
}

/// Reads the row of a tenant.
pub(crate) async fn row(pool: &PgPool, whose: Whose) -> Result<Option<DomainSummary>, Failure> {
    let filter = ListFilter { tenant: Some(whose.tenant), limit: 1, ..ListFilter::default() };
    let rows = store::list_domains(pool, &filter).await.map_err(|error| Failure::of(Exit::Unreachable, error))?;
    let named = |row: &DomainSummary| whose.domain_id.is_none_or(|id: Uuid| id == row.portal_domain_id);
    Ok(rows.into_iter().next().filter(named))
}

/// There is no such row.
pub(crate) fn not_found(whose: Whose) -> Failure {
    let which = match whose.domain_id {
        Some(id) => format!("tenant {} has no portal domain with id {id}", whose.tenant),
        None => format!("tenant {} has no portal domain", whose.tenant),
    };
    Failure::new(Exit::NotFound, which)
}
