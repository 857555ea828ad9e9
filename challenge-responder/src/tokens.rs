//! The worker's preflight tokens, in PostgreSQL.

use crate::question::{AskedHost, Token};
use crate::settings::{DatabaseUrl, ResponderError};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::time::Duration;
use tokio::time::timeout;

/// Connections: the table is asked once per unknown token, for about a millisecond.
const CONNECTIONS_MAX: u32 = 4;
/// Longest wait for a connection, and again for the answer.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// Reads one token. Expiry is judged by the database, which also the worker's other readers trust for "now".
const SELECT_BODY: &str =
    "SELECT body FROM tenantry.preflight_tokens WHERE token = $1 AND host = $2 AND expires_at > now()";
/// The cheapest statement that proves the rights on the table.
const PROVE: &str = "SELECT body FROM tenantry.preflight_tokens LIMIT 0";

/// The table could not be asked. The source is left out of the text, because it may quote a connection string.
#[derive(Debug, thiserror::Error)]
#[error("could not read the preflight tokens")]
pub struct TokensError(#[source] Option<sqlx::Error>);

impl TokensError {
    /// The table did not answer in time.
    pub const fn timed_out() -> Self {
        Self(None)
    }
}

/// Where preflight tokens are looked up.
pub trait PreflightTokens: Send + Sync + 'static {
    /// The body for a host and token that has not expired.
    ///
    /// # Errors
    /// [`TokensError`] when the table could not be asked.
    fn body<'a>(&'a self, host: &'a AskedHost, token: &'a Token) -> BoxFuture<'a, Result<Option<String>, TokensError>>;

    /// Tells whether the table can be asked now.
    fn ready(&self) -> BoxFuture<'_, bool>;
}

/// The table `tenantry.preflight_tokens`, under a role that may only select from it.
pub struct TokenTable(PgPool);

impl TokenTable {
    /// A table at this address. Connects at the first question, so that a database that starts later is no obstacle.
    ///
    /// # Errors
    /// [`ResponderError::DatabaseUrl`] when the connection string cannot be read.
    pub fn new(url: &DatabaseUrl) -> Result<Self, ResponderError> {
        let options: PgConnectOptions = url.expose().parse().map_err(|_| ResponderError::DatabaseUrl)?;
        // Statements are not prepared by name and run inside a transaction: both hold with PgBouncer in between.
        let options = options.application_name("tenantry-challenge-responder").disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(QUERY_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self(pool))
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.0.close().await;
    }

    async fn select(&self, host: &AskedHost, token: &Token) -> Result<Option<String>, sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        let body = sqlx::query_scalar(SELECT_BODY)
            .bind(token.as_str())
            .bind(host.as_str())
            .persistent(false)
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(body)
    }

    async fn prove(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        sqlx::query(PROVE).persistent(false).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

impl PreflightTokens for TokenTable {
    fn body<'a>(&'a self, host: &'a AskedHost, token: &'a Token) -> BoxFuture<'a, Result<Option<String>, TokensError>> {
        async move {
            match timeout(QUERY_TIMEOUT * 2, self.select(host, token)).await {
                Ok(answer) => answer.map_err(|error| TokensError(Some(error))),
                Err(_) => Err(TokensError::timed_out()),
            }
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'_, bool> {
        async move { matches!(timeout(QUERY_TIMEOUT, self.prove()).await, Ok(Ok(()))) }.boxed()
    }
}
