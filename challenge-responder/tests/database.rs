//! Preflight tokens from a real database. Runs when `RESPONDER_TEST_DATABASE_URL` names one where the schema `tenantry`
//! exists and tokens may be written; the role of production may only select.

use challenge_responder::DatabaseUrl;
use challenge_responder::question::{AskedHost, Token};
use challenge_responder::tokens::{PreflightTokens, TokenTable};
use sqlx::{Connection, PgConnection};

const VARIABLE: &str = "RESPONDER_TEST_DATABASE_URL";

#[tokio::test]
async fn tokens_are_read_until_they_expire() {
    let Ok(url) = std::env::var(VARIABLE) else {
        eprintln!("not run: {VARIABLE} is not set");
        return;
    };
    let mut connection = PgConnection::connect(&url).await.expect("the database answers");
    let marker = format!("test{}", std::process::id());
    let insert = "INSERT INTO tenantry.preflight_tokens (token, host, body, expires_at, idempotency_key)
                  VALUES ($1, 'a.test', 'body', now() + $2::interval, $1)";
    for (token, life) in [("live", "1 hour"), ("dead", "-1 second")] {
        let token = format!("{marker}-{token}");
        sqlx::query(insert).bind(token).bind(life).execute(&mut connection).await.expect("the token is written");
    }

    let table = TokenTable::new(&DatabaseUrl::new(url)).expect("a connection string");
    assert!(table.ready().await);
    let body = async |host: &str, token: &str| {
        let token = Token::parse(&format!("{marker}-{token}")).expect("base64url");
        table.body(&AskedHost::parse(host).expect("a host"), &token).await.expect("the table answers")
    };
    assert_eq!(body("a.test", "live").await.as_deref(), Some("body"));
    assert_eq!(body("b.test", "live").await, None);
    assert_eq!(body("a.test", "dead").await, None);
    assert_eq!(body("a.test", "none").await, None);

    let clean = "DELETE FROM tenantry.preflight_tokens WHERE token LIKE $1 || '-%'";
    sqlx::query(clean).bind(&marker).execute(&mut connection).await.expect("the tokens are removed");
    table.close().await;
}
