//! The callers' own client library creates a tenant (tests/interop/tenant.mjs), and Node's crypto accepts the stored hash with
//! the mailed password and with an operator's.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::Rig;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

/// Parameters of the stack: the contract's defaults.
const ITERATIONS: u32 = 10_000;

async fn node(rig: &Rig, request: &Value) -> anyhow::Result<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop");
    let installed = Path::new(folder).join("node_modules/@temporalio/client").exists();
    ensure!(installed, "run `npm ci` in tests/interop first; `./gate interop` does");
    let mut child = tokio::process::Command::new("node")
        .arg("tenant.mjs")
        .current_dir(folder)
        .envs(&rig.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    child.stdin.take().context("standard input")?.write_all(request.to_string().as_bytes()).await?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn input(name: &str, email: &str) -> Value {
    json!({
        "tenantName": name,
        "adminUser": { "firstName": "Ada", "lastName": "Byron", "email": email },
        "licenseCount": 5,
        "billingSource": "manual",
        "unknownField": { "of": "a newer caller" },
    })
}

/// The vendor's own tenant, in which customers are recorded.
async fn management(rig: &Rig) -> anyhow::Result<()> {
    let id = devstack::MANAGEMENT_TENANT;
    rig.sql(&format!(
        "INSERT INTO tenants (tenant, client_name, email) VALUES ('{id}', 'Vendor', 'vendor@tenantry.test') ON CONFLICT DO NOTHING"
    ))
    .await
}

async fn stored_hash(rig: &Rig, email: &str) -> anyhow::Result<String> {
    let hash = sqlx::query_scalar("SELECT hashed_password FROM users WHERE email = $1 AND user_type = 'internal'")
        .bind(email)
        .fetch_one(&rig.database)
        .await?;
    Ok(hash)
}

async fn accepts(rig: &Rig, hash: &str, password: &str) -> anyhow::Result<bool> {
    let pepper = rig.environment.get("NEXTAUTH_SECRET").context("the stack has a pepper")?;
    let request = json!({
        "hash": hash, "password": password, "pepper": pepper, "iterations": ITERATIONS, "keyLength": 64, "digest": "sha512",
    });
    Ok(node(rig, &request).await?["verifies"] == true)
}

/// The password of the mail to an address. It stands in a line of its own, whatever the encoding of the part.
fn mailed_password(rig: &Rig, email: &str) -> anyhow::Result<String> {
    let inbox = rig.environment.get("TENANTRY_DEV_MAIL").context("the stack has an inbox")?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(inbox)? {
        let text = std::fs::read_to_string(entry?.path())?;
        if text.lines().any(|line| line == format!("Delivered-To: {email}")) {
            found.push(text);
        }
    }
    ensure!(found.len() == 1, "{} mails to the administrator", found.len());
    let line = found[0].lines().find_map(|line| line.strip_prefix("Temporary password: ")).context("a password")?;
    Ok(line.trim().to_owned())
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|object| object.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn the_callers_library_creates_a_tenant_and_reads_what_it_expects() {
    on_the_stack(async |rig| {
        management(rig).await?;
        let email = "ada@interop.example";
        let request = json!({ "workflow": "tenantCreationWorkflow", "input": input("Interop Ltd", email) });
        let answer = node(rig, &request).await?;
        let result = &answer["result"];
        ensure!(
            keys(result)
                == [
                    "adminUserId",
                    "clientId",
                    "createdAt",
                    "credentialDelivery",
                    "customerClientId",
                    "customerContactId",
                    "emailSent",
                    "skipped",
                    "success",
                    "temporaryPassword",
                    "tenantId"
                ],
            "{result}"
        );
        ensure!(
            result["temporaryPassword"] == "" && result["success"] == true && result["emailSent"] == true,
            "{result}"
        );
        ensure!(result["credentialDelivery"] == "mail", "{result}");
        let state = &answer["state"];
        ensure!(keys(state) == ["adminUserId", "clientId", "emailSent", "progress", "step", "tenantId"], "{state}");
        ensure!(state["step"] == "completed" && state["progress"] == 100, "{state}");
        ensure!(state["tenantId"] == result["tenantId"] && state["adminUserId"] == result["adminUserId"], "{answer}");

        let hash = stored_hash(rig, email).await?;
        ensure!(hash.len() == 153, "{} characters", hash.len());
        let password = mailed_password(rig, email)?;
        ensure!(accepts(rig, &hash, &password).await?, "the application would refuse the mailed password");
        ensure!(!accepts(rig, &hash, "another password").await?, "the application would accept any password");
        Ok(())
    });
}

#[test]
fn the_application_accepts_an_operators_password() {
    on_the_stack(async |rig| {
        let (email, password) = ("operator@interop.example", "chosen by an operator ✓");
        let mut input = input("Operator Ltd", email);
        input["adminUser"]["password"] = json!(password);
        let request = json!({ "workflow": "algadeskTenantCreationWorkflow", "input": input });
        let answer = node(rig, &request).await?;
        ensure!(answer["result"]["credentialDelivery"] == "operator_supplied", "{answer}");
        ensure!(answer["result"]["temporaryPassword"] == "", "{answer}");
        let hash = stored_hash(rig, email).await?;
        ensure!(accepts(rig, &hash, password).await?, "the application would refuse the operator's password");
        Ok(())
    });
}
