//! An installed appliance on the real stack: a database with one tenant and one row of licence state, migrated as production is.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::Rig;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// Runs a command of `appliance` in a database, with this text on standard input. Exit code and the line for programs.
async fn appliance(rig: &Rig, database: &str, args: &[&str], input: &str) -> anyhow::Result<(i32, Value)> {
    let admin = rig.environment.get("KUBECONFIG_ADMIN").context("the stack has no KUBECONFIG_ADMIN")?;
    let mut child = tokio::process::Command::new(&rig.binary)
        .args([&["appliance", "--output", "json"], args].concat())
        .envs(&rig.environment)
        .env("KUBECONFIG", admin)
        .env("DATABASE_URL", database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut given = child.stdin.take().context("no standard input")?;
    // A command that asks for nothing may have ended by now.
    let _ = given.write_all(input.as_bytes()).await;
    drop(given);
    let ended = child.wait_with_output().await?;
    let (out, err) = (String::from_utf8(ended.stdout)?, String::from_utf8(ended.stderr)?);
    let line = serde_json::from_str(out.trim()).with_context(|| format!("{out}{err}"))?;
    Ok((ended.status.code().unwrap_or(-1), line))
}

/// Makes the database of an appliance with this tenant beside the stack's own; answers its URL.
async fn database_of(rig: &Rig, tenant: Uuid) -> anyhow::Result<String> {
    let own = rig.environment.get("DATABASE_URL").context("the stack has no DATABASE_URL")?;
    let name = format!("appliance_{}", tenant.simple());
    rig.sql(&format!("CREATE DATABASE {name}")).await?;
    let url = format!("{}/{name}", own.rsplit_once('/').context("a URL without a database")?.0);
    let mut connection = PgConnection::connect(&url).await?;
    let tables = devstack::find_project()?.join("devstack/product-schema");
    let mut files = std::fs::read_dir(tables)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    files.sort();
    for file in files {
        sqlx::raw_sql(AssertSqlSafe(std::fs::read_to_string(file)?)).execute(&mut connection).await?;
    }
    let rows = format!(
        "INSERT INTO tenants (tenant, client_name, email) VALUES ('{tenant}', 'Birch MSP', 'it@birch.example');
         INSERT INTO license_state (edition_choice) VALUES ('ee')"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await?;
    let migrated = tokio::process::Command::new(&rig.binary)
        .args(["migrate", "--database-only"])
        .envs(&rig.environment)
        .env("DATABASE_URL", &url)
        .output()
        .await?;
    ensure!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    Ok(url)
}

/// Runs a command of `license`; its answer.
async fn license(rig: &Rig, args: &[&str]) -> anyhow::Result<Value> {
    let (exit, out, err) = rig.tenantry(&[&["license", "--output", "json"], args].concat()).await?;
    ensure!(exit == 0, "{args:?} exited with {exit}: {err}");
    Ok(serde_json::from_str(&out)?)
}

const REGISTER: [&str; 7] =
    ["register-tenant", "--company", "Birch MSP", "--email", "it@birch.example", "--edition", "pro"];

fn subscription() -> String {
    format!("sub_{}", Uuid::new_v4().simple())
}

/// A key of the Secret that every appliance of this cluster writes.
async fn seed(rig: &Rig, key: &str) -> anyhow::Result<String> {
    let path = format!("jsonpath={{.data.{key}}}");
    let text = rig.kubectl.run(&["get", "secret", "appliance-license-seed", "-n", "msp", "-o", &path], None).await?;
    Ok(String::from_utf8(data_encoding::BASE64.decode(text.trim().as_bytes())?)?)
}

/// The licence that is stored in this database.
async fn stored(database: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(database).await?;
    Ok(sqlx::query_scalar("SELECT license_token FROM license_state").fetch_one(&mut connection).await?)
}

/// An installed appliance that redeemed a code of its own tenant.
struct Site {
    tenant: String,
    subscription: String,
    database: String,
    /// What the redemption brought.
    license: String,
}

impl Site {
    async fn of(rig: &Rig) -> anyhow::Result<Self> {
        let (tenant, subscription) = (Uuid::new_v4(), subscription());
        let database = database_of(rig, tenant).await?;
        let tenant = tenant.to_string();
        let registered =
            license(rig, &[&REGISTER[..], &["--tenant", &tenant, "--subscription", &subscription]].concat()).await?;
        let code = registered["install_code"].as_str().context("no code")?;
        let (exit, line) = appliance(rig, &database, &["redeem", "--installed"], code).await?;
        ensure!(exit == 0, "{exit}: {line}");
        let license = stored(&database).await?;
        Ok(Self { tenant, subscription, database, license })
    }

    /// A licence that needs no check-in.
    async fn airgap(&self, rig: &Rig) -> anyhow::Result<String> {
        let subscription = ["--subscription", &self.subscription, "--tenant", &self.tenant];
        let sold = ["entitle", "--customer", "Birch MSP", "--transport", "airgap"];
        let signed = license(rig, &[&sold[..], &subscription].concat()).await?;
        Ok(signed["jwt"].as_str().context("no licence")?.to_owned())
    }

    async fn apply(&self, rig: &Rig, license: &str) -> anyhow::Result<(i32, Value)> {
        appliance(rig, &self.database, &["apply"], license).await
    }
}

/// Seconds from `iat` to `exp` of a licence.
fn lifetime(license: &str) -> anyhow::Result<i64> {
    let payload = license.split('.').nth(1).context("no licence")?;
    let claims: Value = serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes())?)?;
    let time = |name: &str| claims[name].as_i64().with_context(|| format!("no {name}"));
    Ok(time("exp")? - time("iat")?)
}

#[test]
fn the_stack_has_an_appliance() {
    on_the_stack(async |rig| {
        let variable = |name: &str| rig.environment.get(name).with_context(|| format!("the stack has no {name}"));
        let mut connection = PgConnection::connect(variable("TENANTRY_DEV_APPLIANCE_DATABASE_URL")?).await?;
        let found: (String, i64, bool) = sqlx::query_as(
            "SELECT (SELECT tenant::text FROM tenants), (SELECT count(*) FROM license_state),
                 to_regclass('tenantry.license_redemption') IS NOT NULL",
        )
        .fetch_one(&mut connection)
        .await?;
        ensure!(found == (variable("TENANTRY_DEV_APPLIANCE_TENANT")?.clone(), 1, true), "{found:?}");
        Ok(())
    });
}

#[test]
fn an_installed_appliance_is_upgraded_and_checks_in() {
    on_the_stack(async |rig| {
        let variable = |name: &str| rig.environment.get(name).with_context(|| format!("the stack has no {name}"));
        let tenant = Uuid::new_v4();
        let database = &database_of(rig, tenant).await?;
        let tenant = &tenant.to_string();
        let subscription = subscription();
        let registered =
            license(rig, &[&REGISTER[..], &["--tenant", tenant, "--subscription", &subscription]].concat()).await?;
        let code = registered["install_code"].as_str().context("no code")?;

        // The hosted product's database has no row: nothing happens to it, and nothing to the code.
        let hosted = variable("DATABASE_URL")?;
        let (exit, line) = appliance(rig, hosted, &["redeem", "--installed"], code).await?;
        ensure!((exit, &line["code"]) == (1, &json!("not_self_host")), "{exit}: {line}");
        ensure!(line["remedy"] == json!("final"), "{line}");

        let (exit, line) = appliance(rig, database, &["redeem", "--installed"], code).await?;
        ensure!(exit == 0 && line["result"]["tenantId"] == json!(tenant), "{exit}: {line}");
        ensure!(line["result"]["source"] == json!("live"), "{line}");

        let mut connection = PgConnection::connect(database).await?;
        let rows = sqlx::query("SELECT * FROM license_state").fetch_all(&mut connection).await?;
        let [row] = rows.as_slice() else { anyhow::bail!("{} rows of licence state", rows.len()) };
        let column = |name: &str| row.try_get::<Option<String>, _>(name);
        ensure!(column("edition_choice")?.as_deref() == Some("ee"), "edition_choice");
        ensure!(column("appliance_id")?.as_deref() == line["result"]["applianceId"].as_str(), "appliance_id");
        ensure!(column("check_in_url")?.as_deref() == line["result"]["checkInUrl"].as_str(), "check_in_url");
        let trial: bool =
            sqlx::query_scalar("SELECT trial_started_at IS NULL FROM license_state").fetch_one(&mut connection).await?;
        ensure!(trial, "a trial began");
        for (stored, key) in [("license_token", "LICENSE_TOKEN"), ("appliance_credential", "APPLIANCE_CREDENTIAL")] {
            let secret = seed(rig, key).await?;
            ensure!(column(stored)?.as_deref() == Some(secret.as_str()), "{key} of the Secret is not {stored}");
        }

        let (exit, line) = appliance(rig, database, &["check-in"], "").await?;
        ensure!(exit == 0 && line["result"]["outcome"] == json!("unchanged"), "{exit}: {line}");
        let token = column("license_token")?.context("no licence")?;
        let (exit, line) = appliance(rig, database, &["apply"], &token).await?;
        ensure!(exit == 0 && line["ok"] == json!(true), "{exit}: {line}");
        Ok(())
    });
}

#[test]
fn a_licence_of_another_tenant_is_refused_in_both_directions_and_an_airgap_licence_of_the_own_is_applied() {
    on_the_stack(async |rig| {
        let sites = [Site::of(rig).await?, Site::of(rig).await?];
        let airgap = [sites[0].airgap(rig).await?, sites[1].airgap(rig).await?];
        for (own, other) in [(0, 1), (1, 0)] {
            let site = &sites[own];
            for foreign in [&sites[other].license, &airgap[other]] {
                let secret = seed(rig, "LICENSE_TOKEN").await?;
                let (exit, line) = site.apply(rig, foreign).await?;
                ensure!((exit, &line["code"]) == (1, &json!("tenant_mismatch")), "{exit}: {line}");
                ensure!(!line.to_string().contains("eyJ"), "a licence is in the answer");
                ensure!(stored(&site.database).await? == site.license, "the old licence is gone");
                ensure!(seed(rig, "LICENSE_TOKEN").await? == secret, "the Secret has changed");
            }
        }
        for (site, license) in sites.iter().zip(&airgap) {
            ensure!(lifetime(license)? == 365 * 86_400, "no licence of a year");
            let (exit, line) = site.apply(rig, license).await?;
            ensure!(exit == 0 && line["result"]["edition"] == json!("pro"), "{exit}: {line}");
            ensure!(stored(&site.database).await? == *license, "another licence is stored");
            ensure!(seed(rig, "LICENSE_TOKEN").await? == *license, "another licence is in the Secret");
        }
        Ok(())
    });
}

#[test]
fn a_code_without_a_tenant_is_redeemed_for_the_appliances_own() {
    on_the_stack(async |rig| {
        let (tenant, subscription) = (Uuid::new_v4(), subscription());
        let database = database_of(rig, tenant).await?;
        let tenant = tenant.to_string();
        license(rig, &[&REGISTER[..], &["--tenant", &tenant]].concat()).await?;
        // As codes of old subscriptions were minted: nobody has bound this one to a tenant.
        license(rig, &["entitle", "--subscription", &subscription, "--customer", "Birch MSP"]).await?;
        let minted = license(rig, &["claim-code", "--subscription", &subscription]).await?;
        let code = minted["code"].as_str().context("no code")?;
        let (exit, line) = appliance(rig, &database, &["redeem", "--installed"], code).await?;
        ensure!(exit == 0 && line["result"]["tenantId"] == json!(tenant), "{exit}: {line}");
        Ok(())
    });
}
