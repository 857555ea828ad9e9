//! Asks the outside systems every few seconds whether they answer, and tells `Health`.

use crate::health::{Health, System};
use sqlx::PgPool;
use std::future::Future;
use std::time::Duration;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{Client, NamespacedClient as _};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

/// Between two questions: three fit into the 15 s after which a system counts as lost.
const ASK_EVERY: Duration = Duration::from_secs(4);

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Asks for the life of the process. Says when a system goes away and when it is back, and nothing in between.
fn ask<F, A>(health: &Health, system: System, mut question: F)
where
    F: FnMut() -> A + Send + 'static,
    A: Future<Output = anyhow::Result<()>> + Send,
{
    health.need(system);
    let health = health.clone();
    tokio::spawn(async move {
        let mut away = false;
        loop {
            match tokio::time::timeout(ANSWER_MAX, question())
                .await
                .unwrap_or_else(|_| Err(anyhow::anyhow!("timed out")))
            {
                Ok(()) => {
                    health.answered(system);
                    if std::mem::take(&mut away) {
                        tracing::info!("{system:?} answers again");
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::warn!(error = %format!("{error:#}"), "{system:?} does not answer");
                    }
                }
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    });
}

async fn describe_namespace(client: &Client) -> anyhow::Result<()> {
    let request = DescribeNamespaceRequest { namespace: client.namespace(), ..Default::default() };
    client.connection().workflow_service().describe_namespace(request.into_request()).await?;
    Ok(())
}

/// Waits until the namespace exists: a worker that is started before it ends at once.
pub(super) async fn wait_for_namespace(client: &Client) {
    let mut said = false;
    while let Err(error) = describe_namespace(client).await {
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(error = %error, "namespace {} does not answer yet; waiting", client.namespace());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Watches the Temporal server.
pub(super) fn watch_temporal(health: &Health, client: &Client) {
    let client = client.clone();
    ask(health, System::Temporal, move || {
        let client = client.clone();
        async move { describe_namespace(&client).await }
    });
}

/// Watches the database and its schema, when a queue needs them.
pub(super) fn watch_database(health: &Health, pool: Option<&PgPool>) {
    let Some(pool) = pool.cloned() else { return };
    let for_schema = pool.clone();
    ask(health, System::Database, move || {
        let pool = pool.clone();
        async move {
            // One message: a transaction pooler could give the halves of a prepared one to two connections.
            sqlx::raw_sql("select 1").execute(&pool).await?;
            Ok(())
        }
    });
    ask(health, System::Schema, move || {
        let pool = for_schema.clone();
        async move {
            let found = store::readiness(&pool).await? == store::Readiness::Ready;
            anyhow::ensure!(found, "the schema is older than this build; run `tenantry migrate`");
            Ok(())
        }
    });
}

/// Watches the Kubernetes API server, when a queue needs it.
pub(super) fn watch_cluster(health: &Health, cluster: Option<&kube::Client>) {
    let Some(cluster) = cluster.cloned() else { return };
    ask(health, System::Cluster, move || {
        let cluster = cluster.clone();
        async move {
            cluster.apiserver_version().await?;
            Ok(())
        }
    });
}
