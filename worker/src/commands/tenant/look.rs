//! What Temporal itself knows of a run: it is there or not, whether or not a worker answers for it.

use crate::clients::temporal;
use crate::clients::tenant_again::missing_namespace;
use crate::config::{ClientSettings, Source};
use crate::exit::{Exit, Failure};
use contract::loose::Loose;
use futures::StreamExt as _;
use model::tenant::input::{self, NewTenant};
use serde_json::Value;
use temporalio_client::errors::WorkflowInteractionError;
use temporalio_client::{
    Client, NamespacedClient as _, UntypedWorkflow, WorkflowDescribeOptions, WorkflowFetchHistoryOptions,
};
use temporalio_common::data_converters::{DataConverter, SerializationContextData};
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

/// Whether a run is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Temporal knows no run of this id, or no longer.
    Absent,
    /// It goes on, or waits.
    Open,
    /// It has ended.
    Closed,
}

impl Standing {
    /// The word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// A reader of runs that needs no worker.
pub(super) struct Looks {
    client: Client,
    converter: DataConverter,
}

impl Looks {
    /// Connects.
    ///
    /// # Errors
    /// `No` for settings that are not valid, `Unreachable`.
    pub(super) async fn connect(source: &Source) -> Result<Self, Failure> {
        let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
        let converter = temporal::converter(&settings.temporal)?;
        Ok(Self { client: temporal::connect(&settings.temporal).await?, converter })
    }

    /// Tells whether a run is there.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(super) async fn standing(&self, id: &str) -> Result<Standing, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let described = match handle.describe(WorkflowDescribeOptions::default()).await {
            Ok(described) => described.raw_description,
            Err(WorkflowInteractionError::NotFound(status)) => {
                return missing_namespace(&status, &self.client.namespace()).map_or(Ok(Standing::Absent), Err);
            }
            Err(error) => return Err(unreachable("could not look for the run", error)),
        };
        let status = described.workflow_execution_info.map(|info| info.status());
        Ok(if status == Some(WorkflowExecutionStatus::Running) { Standing::Open } else { Standing::Closed })
    }

    /// The input that a run was started with; `Null` where it cannot be read here, such as without the keys of the codec.
    ///
    /// # Errors
    /// `NotFound`, `Unreachable`.
    pub(super) async fn input(&self, id: &str) -> Result<Value, Failure> {
        let handle = self.client.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
        let mut history = Box::pin(handle.fetch_history(WorkflowFetchHistoryOptions::default()));
        let first = match history.next().await {
            Some(Ok(event)) => event.attributes,
            Some(Err(WorkflowInteractionError::NotFound(_))) | None => {
                return Err(Failure::new(Exit::NotFound, format!("there is no run {id}")));
            }
            Some(Err(error)) => return Err(unreachable("could not read the run's input", error)),
        };
        let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = first else { return Ok(Value::Null) };
        let Some(payload) = started.input.and_then(|input| input.payloads.into_iter().next()) else {
            return Ok(Value::Null);
        };
        let read = self.converter.from_payload::<Loose>(&SerializationContextData::None, payload).await;
        Ok(read.unwrap_or_default().0)
    }
}

fn unreachable(tried: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::of(Exit::Unreachable, anyhow::Error::new(error).context(tried))
}

/// How an order differs from the one that a run was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Name of the run's tenant.
    pub(super) tenant_name: String,
    /// Fields of the order that differ.
    pub(super) differs: Vec<&'static str>,
}

/// Compares the order with the input of the run that is there; `None` where that one cannot be read.
pub(super) fn compare(known: &Value, order: &NewTenant) -> Option<Known> {
    let known = input::parse(known, Some(order.product)).ok()?;
    let fields: [(&'static str, bool); 6] = [
        ("tenantName", known.company_name == order.company_name),
        ("adminUser.firstName", known.admin.first_name == order.admin.first_name),
        ("adminUser.lastName", known.admin.last_name == order.admin.last_name),
        ("adminUser.email", known.admin.email == order.admin.email),
        ("plan", known.plan == order.plan),
        ("licenseCount", known.license_count == order.license_count),
    ];
    let differs = fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect();
    Some(Known { tenant_name: known.company_name, differs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(name: &str, email: &str) -> Value {
        json!({ "tenantName": name, "adminUser": { "firstName": "Bo", "lastName": "Birch", "email": email } })
    }

    #[track_caller]
    fn check(known: &Value, differs: Option<&[&str]>) {
        let given = input::parse(&order("Birch Ltd", "bo@birch.example"), None).expect("valid");
        let found = compare(known, &given).map(|known| known.differs);
        assert_eq!(found.as_deref(), differs);
    }

    #[test]
    fn an_order_is_compared_with_that_of_the_run() {
        check(&order("Birch Ltd", "BO@birch.example"), Some(&[]));
        check(&order("Other Ltd", "bo@birch.example"), Some(&["tenantName"]));
        check(&order("Other Ltd", "eve@other.example"), Some(&["tenantName", "adminUser.email"]));
        check(&Value::Null, None);
        let given = input::parse(&order("Birch Ltd", "bo@birch.example"), None).expect("valid");
        let known = compare(&order("Other Ltd", "bo@birch.example"), &given).expect("readable");
        assert_eq!(known.tenant_name, "Other Ltd");
    }
}
