//! The activity of the contract.

#![expect(missing_docs, reason = "the macro generates undocumented associated constants")]

use crate::directory::{self, Settings};
use contract::convert::identity_from_wire;
use proto::v1::{WriteManifestsReply, WriteManifestsRequest};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use temporalio_common::ActivityError;
use temporalio_macros::activities;
use temporalio_sdk::activities::ActivityContext;

/// Longest time that a slow disk may take; a record is not worth more.
const WRITE_MAX: Duration = Duration::from_secs(4);

/// Writes the record of applies.
pub struct RecordActivities {
    settings: Settings,
}

impl RecordActivities {
    /// Makes the activity. Touches nothing yet.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Writes the manifests of one domain. Never fails: an outcome `failed` is logged as a warning and stops no apply.
    pub async fn write(&self, request: &WriteManifestsRequest) -> WriteManifestsReply {
        let outcome = |word: &str| WriteManifestsReply { outcome: word.to_owned() };
        let Some(directory) = &self.settings.directory else { return outcome("off") };
        let prefix = request.objects.as_ref().map_or("", |objects| objects.tenant_prefix.as_str());
        let domain = identity_from_wire(request.objects.as_ref());
        let write = directory::write(directory, prefix, &domain, &self.settings.edge);
        match tokio::time::timeout(WRITE_MAX, write).await {
            Ok(Ok(())) => outcome("written"),
            Ok(Err(error)) => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(domain.id = %domain.portal_domain_id, cause, "{error}");
                outcome("failed")
            }
            Err(_) => {
                tracing::warn!(domain.id = %domain.portal_domain_id, "could not write the manifests in time");
                outcome("failed")
            }
        }
    }
}

#[activities]
impl RecordActivities {
    /// Writes the manifests of an apply for reviewers, when the manifest directory is set.
    #[activity(definition = contract::activities::WriteManifests)]
    pub async fn write_manifests(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: WriteManifestsRequest,
    ) -> Result<WriteManifestsReply, ActivityError> {
        Ok(self.write(&input).await)
    }
}
