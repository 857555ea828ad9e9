//! One tenant's domain, driven as the web application drives it.

use crate::rig::Rig;
use crate::wait::eventually;
use anyhow::Context as _;
use contract::names;
use model::portal::record::Status;
use proto::v1::{ExplainReply, PortalDomainInput, ReconcileReply};
use sqlx::Row as _;
use std::time::Duration;
use temporalio_client::{
    UntypedQuery, UntypedSignal, UntypedUpdate, UntypedWorkflow, WorkflowCancelOptions, WorkflowDescribeOptions,
    WorkflowExecuteUpdateOptions, WorkflowExecutionStatus, WorkflowQueryOptions, WorkflowSignalOptions,
    WorkflowStartOptions,
    errors::{WorkflowInteractionError, WorkflowStartError},
};
use temporalio_common::data_converters::RawValue;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use uuid::Uuid;

/// A tenant and its row.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Tenant id.
    pub tenant: Uuid,
    /// Row id.
    pub id: Uuid,
    /// Host.
    pub host: String,
    /// The tenant's canonical host.
    pub canonical: String,
}

/// What the row says.
#[derive(Clone, PartialEq, Eq)]
pub struct RowNow {
    /// Status word.
    pub status: String,
    /// Sentence for the tenant.
    pub message: String,
    /// `verification_details` as JSON text.
    pub details: String,
    /// Name of the Secret.
    pub secret: Option<String>,
}

/// Longest text of a row in the message of a test that failed.
const SHOWN_MAX: usize = 2_000;

impl std::fmt::Debug for RowNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
        f.debug_struct("RowNow")
            .field("status", &self.status)
            .field("message", &short(&self.message))
            .field("details", &short(&self.details))
            .field("secret", &self.secret)
            .finish()
    }
}

impl Domain {
    pub(crate) async fn create(rig: &Rig, host: &str) -> anyhow::Result<Self> {
        let tenant = Uuid::new_v4();
        let canonical = format!("{}.portal.app.{}", &tenant.to_string()[..7], devstack::PLATFORM_ZONE);
        sqlx::query(
            "INSERT INTO tenants (tenant, client_name, email) VALUES ($1, 'Sample tenant', 'tenant@example.org')",
        )
        .bind(tenant)
        .execute(&rig.database)
        .await?;
        let mut domain = Self { tenant, id: Uuid::nil(), host: host.to_owned(), canonical };
        domain.register_row(rig, host).await?;
        Ok(domain)
    }

    /// The upsert of the application's register action (portal-domain contract, section 3).
    ///
    /// # Errors
    /// The database refused.
    pub async fn register_row(&mut self, rig: &Rig, host: &str) -> anyhow::Result<()> {
        let details = serde_json::json!({ "expected_cname": self.canonical, "requested_domain": host });
        let row = sqlx::query(
            "INSERT INTO portal_domains (tenant, domain, canonical_host, status, status_message, last_checked_at, \
             verification_method, verification_details) VALUES ($1, $2, $3, 'pending_dns', 'Waiting', now(), 'cname', $4) \
             ON CONFLICT (tenant) DO UPDATE SET domain = excluded.domain, canonical_host = excluded.canonical_host, \
             status = excluded.status, status_message = excluded.status_message, last_checked_at = now(), \
             verification_details = excluded.verification_details, certificate_secret_name = NULL, \
             last_synced_resource_version = NULL, updated_at = now() RETURNING id",
        )
        .bind(self.tenant)
        .bind(host)
        .bind(&self.canonical)
        .bind(details)
        .fetch_one(&rig.database)
        .await?;
        self.id = row.try_get("id")?;
        host.clone_into(&mut self.host);
        Ok(())
    }

    /// The application's disable action.
    ///
    /// # Errors
    /// The database refused.
    pub async fn disable_row(&self, rig: &Rig) -> anyhow::Result<()> {
        sqlx::query(
            "UPDATE portal_domains SET status = 'disabled', status_message = 'Disabled', last_checked_at = now(), \
             certificate_secret_name = NULL, last_synced_resource_version = NULL, updated_at = now() WHERE tenant = $1",
        )
        .bind(self.tenant)
        .execute(&rig.database)
        .await?;
        Ok(())
    }

    /// What nobody announces: somebody deletes the row by hand, or the tenant.
    ///
    /// # Errors
    /// The database refused.
    pub async fn lose_row(&self, rig: &Rig) -> anyhow::Result<()> {
        sqlx::query("DELETE FROM portal_domains WHERE tenant = $1").bind(self.tenant).execute(&rig.database).await?;
        Ok(())
    }

    /// The application's retry action.
    ///
    /// # Errors
    /// The database refused.
    pub async fn retry_row(&self, rig: &Rig) -> anyhow::Result<()> {
        sqlx::query(
            "UPDATE portal_domains SET status = CASE status WHEN 'dns_failed' THEN 'pending_dns' ELSE \
             'pending_certificate' END::portal_domain_status, last_checked_at = now(), updated_at = now() \
             WHERE tenant = $1 AND status IN ('dns_failed', 'certificate_failed')",
        )
        .bind(self.tenant)
        .execute(&rig.database)
        .await?;
        Ok(())
    }

    /// The CNAME that the tenant is asked for.
    ///
    /// # Errors
    /// The zone cannot be written.
    pub fn point_here(&self, rig: &Rig) -> anyhow::Result<()> {
        rig.dns_set(&self.host, "CNAME", &self.canonical)
    }

    fn input(&self, trigger: &str) -> PortalDomainInput {
        PortalDomainInput {
            tenant_id: self.tenant.to_string(),
            portal_domain_id: self.id.to_string(),
            trigger: trigger.to_owned(),
            carry: None,
        }
    }

    /// Id of the run.
    pub fn workflow_id(&self) -> String {
        names::portal_domain_workflow_id(&self.tenant.to_string())
    }

    /// The application's enqueue: start, and signal where a run is open already.
    ///
    /// These are two calls. A run that ends between them loses the request (portal-domain §3, §16): the application then says
    /// `enqueued: false` and leaves the row, which the sweep finds within a minute.
    ///
    /// # Errors
    /// Temporal refused both.
    pub async fn announce(&self, rig: &Rig, trigger: &str) -> anyhow::Result<()> {
        let payload = json(&self.input(trigger));
        let options = WorkflowStartOptions::new(names::PORTAL_DOMAIN_QUEUE, self.workflow_id()).build();
        let workflow = UntypedWorkflow::new(names::PORTAL_DOMAIN_WORKFLOW);
        match rig.temporal.start_workflow(workflow, payload, options).await {
            Ok(_) => Ok(()),
            Err(WorkflowStartError::AlreadyStarted { .. }) => match self.send(rig, trigger).await {
                Err(WorkflowInteractionError::NotFound(_)) => Ok(()),
                other => other.context("the signal after a refused start"),
            },
            Err(error) => Err(error).context("the start"),
        }
    }

    /// One signal.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn signal(&self, rig: &Rig, trigger: &str) -> anyhow::Result<()> {
        self.send(rig, trigger).await.context("the signal")
    }

    async fn send(&self, rig: &Rig, trigger: &str) -> Result<(), WorkflowInteractionError> {
        let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(self.workflow_id());
        let signal = UntypedSignal::new(names::RECONCILE_SIGNAL);
        handle.signal(signal, json(&self.input(trigger)), WorkflowSignalOptions::default()).await
    }

    /// Asks the run to end, as `temporal workflow cancel` does.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn cancel(&self, rig: &Rig) -> anyhow::Result<()> {
        let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(self.workflow_id());
        Ok(handle.cancel(WorkflowCancelOptions::default()).await?)
    }

    /// A run of the tenant is open.
    ///
    /// # Errors
    /// Temporal refused.
    pub async fn is_open(&self, rig: &Rig) -> anyhow::Result<bool> {
        let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(self.workflow_id());
        let described = handle.describe(WorkflowDescribeOptions::default()).await?;
        Ok(described.status() == WorkflowExecutionStatus::Running)
    }

    /// The update `reconcile`.
    ///
    /// # Errors
    /// Temporal refused, or nobody answered.
    pub async fn reconcile(&self, rig: &Rig) -> anyhow::Result<ReconcileReply> {
        let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(self.workflow_id());
        let update = UntypedUpdate::new("reconcile");
        let argument = json(&serde_json::json!({ "reason": "test" }));
        let answer = handle.execute_update(update, argument, WorkflowExecuteUpdateOptions::default()).await;
        read(answer.context("the update reconcile")?)
    }

    /// The query `explain`.
    ///
    /// # Errors
    /// Temporal refused, or nobody answered.
    pub async fn explain(&self, rig: &Rig) -> anyhow::Result<ExplainReply> {
        let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(self.workflow_id());
        let query = UntypedQuery::new("explain");
        let answer = handle.query(query, RawValue::new(Vec::new()), WorkflowQueryOptions::default()).await?;
        read(answer)
    }

    /// What the row says; `None` when it is gone.
    ///
    /// # Errors
    /// The database refused.
    pub async fn row(&self, rig: &Rig) -> anyhow::Result<Option<RowNow>> {
        let row = sqlx::query(
            "SELECT status::text, coalesce(status_message, '') AS message, verification_details::text AS details, \
             certificate_secret_name AS secret FROM portal_domains WHERE tenant = $1",
        )
        .bind(self.tenant)
        .fetch_optional(&rig.database)
        .await?;
        row.map(|row| {
            Ok(RowNow {
                status: row.try_get("status")?,
                message: row.try_get("message")?,
                details: row.try_get("details")?,
                secret: row.try_get("secret")?,
            })
        })
        .transpose()
    }

    /// Waits until the row has a status.
    ///
    /// # Errors
    /// It has not within `limit`.
    pub async fn reaches(&self, rig: &Rig, status: Status, limit: Duration) -> anyhow::Result<RowNow> {
        eventually(&format!("{} {}", self.host, status.as_str()), limit, || async {
            match self.row(rig).await {
                Ok(Some(row)) if row.status == status.as_str() => Ok(row),
                Ok(row) => Err(format!("{row:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Waits until the row's excerpt names a reason.
    ///
    /// # Errors
    /// It does not within `limit`.
    pub async fn shows(&self, rig: &Rig, reason: &str, limit: Duration) -> anyhow::Result<RowNow> {
        eventually(&format!("{} {reason}", self.host), limit, || async {
            match self.row(rig).await {
                Ok(Some(row)) if row.details.contains(&format!("\"reason\": \"{reason}\"")) => Ok(row),
                Ok(row) => Err(format!("{row:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Waits until the row is gone.
    ///
    /// # Errors
    /// It is not within `limit`.
    pub async fn vanishes(&self, rig: &Rig, limit: Duration) -> anyhow::Result<()> {
        eventually(&format!("{} gone", self.host), limit, || async {
            match self.row(rig).await {
                Ok(None) => Ok(()),
                Ok(row) => Err(format!("{row:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Registers, points DNS here, announces, and waits until it is live.
    ///
    /// # Errors
    /// It is not active within a minute.
    pub async fn go_live(&self, rig: &Rig) -> anyhow::Result<RowNow> {
        self.point_here(rig)?;
        self.announce(rig, "register").await?;
        self.reaches(rig, Status::Active, Duration::from_secs(60)).await
    }
}

fn json(value: &impl serde::Serialize) -> RawValue {
    RawValue::new(vec![Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::to_vec(value).unwrap_or_default(),
        ..Payload::default()
    }])
}

fn read<T: serde::de::DeserializeOwned>(answer: RawValue) -> anyhow::Result<T> {
    let payload = answer.payloads.first().ok_or_else(|| anyhow::anyhow!("an empty answer"))?;
    Ok(serde_json::from_slice(&payload.data)?)
}
