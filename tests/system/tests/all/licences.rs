//! The walk of a licence on the real stack: registered, redeemed into the cluster's Secrets, reissued, revoked.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::Rig;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

/// Runs a command of `license`; its answer as JSON.
async fn license(rig: &Rig, args: &[&str]) -> anyhow::Result<Value> {
    let (code, out, err) = rig.tenantry(&[&["license", "--output", "json"], args].concat()).await?;
    ensure!(code == 0, "{args:?} exited with {code}: {err}");
    Ok(serde_json::from_str(&out)?)
}

/// Redeems as setup does: the code on standard input, the steps in a file. Exit code and the line for programs.
async fn redeem(rig: &Rig, state: &Path, code: &str) -> anyhow::Result<(i32, Value)> {
    let admin = rig.environment.get("KUBECONFIG_ADMIN").context("the stack has no KUBECONFIG_ADMIN")?;
    let mut child = tokio::process::Command::new(&rig.binary)
        .args(["appliance", "redeem", "--output", "json", "--state"])
        .arg(state)
        .envs(&rig.environment)
        .env("KUBECONFIG", admin)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(code.as_bytes()).await?;
    drop(input);
    let ended = child.wait_with_output().await?;
    let (out, err) = (String::from_utf8(ended.stdout)?, String::from_utf8(ended.stderr)?);
    ensure!(!err.contains(code) || code.is_empty(), "the code is on standard error: {err}");
    let line = serde_json::from_str(out.trim()).with_context(|| format!("{out}{err}"))?;
    Ok((ended.status.code().unwrap_or(-1), line))
}

/// A key of a Secret in `msp`, as text.
async fn seed(rig: &Rig, secret: &str, key: &str) -> anyhow::Result<String> {
    let path = format!("jsonpath={{.data.{key}}}");
    let text = rig.kubectl.run(&["get", "secret", secret, "-n", "msp", "-o", &path], None).await?;
    Ok(String::from_utf8(data_encoding::BASE64.decode(text.trim().as_bytes())?)?)
}

fn text<'a>(value: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    value[field].as_str().with_context(|| format!("no {field}: {value}"))
}

#[test]
fn a_paid_tenant_is_registered_redeemed_reissued_and_revoked() {
    on_the_stack(async |rig| {
        let folder = tempfile::tempdir()?;
        let word = Uuid::new_v4().simple().to_string();
        let (submission, subscription) = (format!("order-{word}"), format!("sub_{word}"));
        let register = [
            "register-tenant",
            "--company",
            "Acme MSP",
            "--email",
            "it@acme.example",
            "--edition",
            "pro",
            "--submission",
            &submission,
            "--subscription",
            &subscription,
            "--seats",
            "25",
        ];
        let registered = license(rig, &register).await?;
        let again = license(rig, &register).await?;
        ensure!(
            again["tenant_id"] == registered["tenant_id"] && again["install_code"] == registered["install_code"],
            "a repeat made another: {again}"
        );
        let (tenant, code) = (text(&registered, "tenant_id")?, text(&registered, "install_code")?);

        // As a person types it.
        let typed = format!(" {}-{} ", code[..4].to_lowercase(), code[4..].to_lowercase());
        let state = folder.path().join("redemption.json");
        let (exit, line) = redeem(rig, &state, &typed).await?;
        ensure!(exit == 0 && line["ok"] == json!(true), "{exit}: {line}");
        ensure!(line["result"]["tenantId"] == json!(tenant) && line["result"]["edition"] == json!("pro"), "{line}");
        ensure!(!line.to_string().contains("eyJ"), "a licence is in the answer");
        let seed_name = "appliance-license-seed";
        ensure!(seed(rig, seed_name, "EDITION_CHOICE").await? == "ee", "EDITION_CHOICE");
        ensure!(seed(rig, seed_name, "INSTALL_EDITION").await? == "pro", "INSTALL_EDITION");
        ensure!(seed(rig, seed_name, "APPLIANCE_CREDENTIAL").await?.len() == 64, "APPLIANCE_CREDENTIAL");
        ensure!(seed(rig, "appliance-initial-tenant", "INITIAL_TENANT_ID").await? == tenant, "INITIAL_TENANT_ID");
        let token = folder.path().join("licence.jwt");
        std::fs::write(&token, seed(rig, seed_name, "LICENSE_TOKEN").await?)?;

        // The same command again finishes what is there, with another answer to nobody.
        let (exit, line) = redeem(rig, &state, "").await?;
        ensure!(exit == 0 && line["result"]["tenantId"] == json!(tenant), "{exit}: {line}");
        // Another appliance gets nothing for the same code.
        let (exit, line) = redeem(rig, &folder.path().join("other.json"), code).await?;
        ensure!((exit, &line["code"]) == (1, &json!("consumed_claim_code")), "{exit}: {line}");

        let reissued = license(rig, &["reissue", "--tenant", tenant]).await?;
        ensure!(reissued["install_code"] != registered["install_code"], "the same code again");
        let shown = license(rig, &["tenants", "show", "--tenant", tenant]).await?;
        ensure!(
            shown["tenant"]["status"] == json!("active") || shown["tenant"]["status"] == json!("installed"),
            "{shown}"
        );
        ensure!(shown["entitlement"]["has_current_token"] == json!(true), "{shown}");
        ensure!(!shown.to_string().contains(text(&reissued, "install_code")?), "a code is shown");

        let revoked = license(rig, &["revoke", "--subscription", &subscription]).await?;
        ensure!(revoked["status"] == json!("revoked") && revoked["codes_revoked"] == json!(1), "{revoked}");
        let (exit, line) = redeem(rig, &folder.path().join("late.json"), text(&reissued, "install_code")?).await?;
        ensure!(exit != 0 && line["ok"] == json!(false), "a revoked code was redeemed: {line}");

        // Nothing of it stands in the service's log.
        let log = std::fs::read_to_string(rig.stack.root().join("logs/license-api.log"))?;
        let credential = seed(rig, seed_name, "APPLIANCE_CREDENTIAL").await?;
        let licence = std::fs::read_to_string(&token)?;
        for secret in [code, text(&reissued, "install_code")?, &credential, &licence, "it@acme.example"] {
            ensure!(!log.contains(secret), "the log shows a secret or a person");
        }
        Ok(())
    });
}

#[test]
fn an_essentials_tenant_gets_its_identity_and_no_licence() {
    on_the_stack(async |rig| {
        let folder = tempfile::tempdir()?;
        let word = Uuid::new_v4().simple().to_string();
        let registered = license(
            rig,
            &["register-tenant", "--company", "Birch", "--email", "it@birch.example", "--submission", &word],
        )
        .await?;
        let tenant = text(&registered, "tenant_id")?;
        let (exit, line) = redeem(rig, &folder.path().join("r.json"), text(&registered, "install_code")?).await?;
        ensure!(exit == 0 && line["result"]["tenantId"] == json!(tenant), "{exit}: {line}");
        ensure!(line["result"]["edition"] == json!("essentials"), "{line}");
        let shown = license(rig, &["tenants", "show", "--tenant", tenant]).await?;
        ensure!(shown["appliances"] == json!([]) && shown["entitlement"].is_null(), "{shown}");
        ensure!(shown["tenant"]["status"] == json!("installed"), "{shown}");
        Ok(())
    });
}
