//! Licensing as workflows on the real stack: a registration mailed once, a redemption that is killed in every step, check-ins by
//! the schedule, and a revocation.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::{Appliance, Rig, Signal, eventually};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use temporalio_client::schedules::{ScheduleOverlapPolicy, TriggerScheduleOptions};
use temporalio_client::{UntypedWorkflow, WorkflowFetchHistoryOptions};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

async fn json_of(rig: &Rig, args: &[&str]) -> anyhow::Result<Value> {
    let (code, out, err) = rig.tenantry(args).await?;
    ensure!(code == 0, "{args:?} exited with {code}: {err}");
    serde_json::from_str(&out).with_context(|| out.clone())
}

/// The mails to an address, the newest first.
async fn mails(rig: &Rig, to: &str) -> anyhow::Result<Vec<Value>> {
    let list = json_of(rig, &["dev", "mail", "list", "--to", to, "--output", "json"]).await?;
    Ok(list.as_array().cloned().unwrap_or_default())
}

/// Waits for this many mails to an address, and gives the text of the newest.
async fn mailed(rig: &Rig, to: &str, count: usize) -> anyhow::Result<String> {
    eventually("the mail is there", Duration::from_secs(30), || async {
        let found = mails(rig, to).await.map_err(|error| format!("{error:#}"))?.len();
        if found == count { Ok(()) } else { Err(format!("{found} mails")) }
    })
    .await?;
    let mail = json_of(rig, &["dev", "mail", "show", "--to", to, "--output", "json"]).await?;
    Ok(mail["text"].as_str().context("no text")?.to_owned())
}

fn code_of(mail: &str) -> anyhow::Result<String> {
    let line = mail.lines().find_map(|line| line.strip_prefix("Install code: "));
    Ok(line.context("the mail has no code")?.trim().to_owned())
}

async fn history(rig: &Rig, id: &str) -> anyhow::Result<String> {
    let handle = rig.temporal.get_workflow_handle::<UntypedWorkflow>(id.to_owned());
    let events = handle.fetch_history(WorkflowFetchHistoryOptions::default()).into_events().await?;
    Ok(serde_json::to_string(&events)?)
}

#[test]
fn a_registration_is_mailed_once_and_its_code_stands_in_no_history() {
    on_the_stack(async |rig| {
        let word = Uuid::new_v4().simple().to_string();
        let (submission, email) = (format!("order-{word}"), format!("it-{word}@acme.example"));
        let page = rig.environment.get("TENANTRY_DEV_DOWNLOAD_PAGE").context("no download page")?;
        let register = [
            "license",
            "register-tenant",
            "--company",
            "Acme <b>MSP</b>",
            "--email",
            &email,
            "--submission",
            &submission,
            "--mail",
            "--download-page",
            page,
            "--output",
            "json",
        ];
        let registered = json_of(rig, &register).await?;
        let id = registered["workflow_id"].as_str().context("no run")?;
        ensure!(id == format!("essentials-register:{submission}"), "{registered}");
        let mail = mailed(rig, &email, 1).await?;
        ensure!(mail.contains(page.as_str()) && mail.contains("can be used once"), "{mail}");
        let code = code_of(&mail)?;

        // The same submission again: the same tenant, and no second mail.
        let again = json_of(rig, &register).await?;
        ensure!(again["tenant_id"] == registered["tenant_id"], "another tenant: {again}");
        ensure!(again["claim_code_id"] == registered["claim_code_id"], "another code: {again}");

        // A code that was lost: the old one ends, the new one comes by mail.
        let tenant = registered["tenant_id"].as_str().context("no tenant")?;
        let key = format!("request-{word}");
        let reissue = ["license", "reissue", "--tenant", tenant, "--mail", "--key", &key, "--output", "json"];
        let reissued = json_of(rig, &reissue).await?;
        ensure!(reissued["mailed"] == json!(true), "{reissued}");
        let second = code_of(&mailed(rig, &email, 2).await?)?;
        ensure!(second != code, "the same code again");
        json_of(rig, &reissue).await?;
        ensure!(mails(rig, &email).await?.len() == 2, "a repeat mailed again");

        let reissue_id = format!("install-code-reissue:{key}");
        for text in [history(rig, id).await?, history(rig, &reissue_id).await?] {
            for code in [&code, &second] {
                // Payloads are bytes in this form.
                let bytes = serde_json::to_string(&code.as_bytes())?;
                let bytes = bytes.trim_matches(['[', ']']);
                ensure!(!text.contains(code.as_str()) && !text.contains(bytes), "a code stands in a history");
            }
        }
        Ok(())
    });
}

#[test]
fn an_address_that_was_sent_five_codes_keeps_the_one_it_has() {
    on_the_stack(async |rig| {
        let word = Uuid::new_v4().simple().to_string();
        let email = format!("it-{word}@cedar.example");
        let mut tenant = String::new();
        for number in 1..=5 {
            let submission = format!("order-{word}-{number}");
            let names = ["--company", "Cedar", "--email", &email, "--submission", &submission];
            let args = [&["license", "register-tenant", "--mail", "--output", "json"][..], &names].concat();
            let registered = json_of(rig, &args).await?;
            tenant = registered["tenant_id"].as_str().context("no tenant")?.to_owned();
            mailed(rig, &email, number).await?;
        }
        let (exit, _, err) = rig.tenantry(&["license", "reissue", "--tenant", &tenant, "--mail"]).await?;
        ensure!(exit == 5 && err.contains("too_many_mails"), "{exit}: {err}");
        let shown = json_of(rig, &["license", "tenants", "show", "--tenant", &tenant, "--output", "json"]).await?;
        let codes = shown["install_codes"].as_array().context("no codes")?;
        ensure!(codes.len() == 1 && codes[0]["revoked"] == json!(false), "{shown}");
        ensure!(mails(rig, &email).await?.len() == 5, "a sixth mail");
        Ok(())
    });
}

#[test]
fn a_registration_with_faults_names_them_all_and_asks_nobody() {
    on_the_stack(async |rig| {
        let word = Uuid::new_v4().simple().to_string();
        let args =
            ["license", "register-tenant", "--company", " ", "--email", "nobody", "--submission", &word, "--mail"];
        let (exit, _, err) = rig.tenantry(&args).await?;
        ensure!(exit == 2, "{exit}: {err}");
        ensure!(err.contains("companyName: REQUIRED") && err.contains("contactEmail: NOT_AN_ADDRESS"), "{err}");
        // A refusal of the service has the exit code that it has without a run.
        let unknown = Uuid::new_v4().to_string();
        let (exit, _, err) = rig.tenantry(&["license", "reissue", "--tenant", &unknown, "--mail"]).await?;
        ensure!(exit == 3 && err.contains("tenant_not_found"), "{exit}: {err}");
        Ok(())
    });
}

/// A paid registration of the sample appliance's tenant.
async fn paid(rig: &Rig, subscription: &str) -> anyhow::Result<String> {
    let args = [
        "license",
        "register-tenant",
        "--company",
        "Birch MSP",
        "--email",
        "it@birch.example",
        "--edition",
        "pro",
        "--tenant",
        devstack::APPLIANCE_TENANT,
        "--submission",
        "order-of-the-sample-appliance",
        "--subscription",
        subscription,
        "--seats",
        "25",
        "--output",
        "json",
    ];
    let registered = json_of(rig, &args).await?;
    Ok(registered["install_code"].as_str().context("no code")?.to_owned())
}

/// How often the registry recorded this action for the appliance's tenant.
async fn audited(rig: &Rig, action: &str) -> anyhow::Result<i64> {
    let base = rig.environment.get("DATABASE_URL").context("no database")?;
    let (base, _) = base.rsplit_once('/').context("no database name")?;
    let registry = sqlx::PgPool::connect(&format!("{base}/license")).await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE tenant_id = $1 AND action = $2")
        .bind(Uuid::parse_str(devstack::APPLIANCE_TENANT)?)
        .bind(action)
        .fetch_one(&registry)
        .await?;
    registry.close().await;
    Ok(count)
}

#[test]
fn a_redemption_that_is_killed_in_every_step_burns_one_code_and_the_schedule_follows_it() {
    on_the_stack(async |rig| {
        let subscription = "sub_of_the_sample_appliance";
        let code = paid(rig, subscription).await?;
        let mut appliance = Appliance::of(rig).await?;
        appliance.start_worker(rig)?;

        // The form of the existing starters: the code in clear, typed as people type.
        let id = format!("applianceLicenseRedeemWorkflow-{}", Uuid::new_v4());
        let typed = format!(" {}-{} ", code[..4].to_lowercase(), code[4..].to_lowercase());
        let mut blocked = appliance.database.begin().await?;
        sqlx::raw_sql("LOCK TABLE tenantry.license_redemption IN ACCESS EXCLUSIVE MODE").execute(&mut *blocked).await?;
        appliance.start("applianceLicenseRedeemWorkflow", &id, &json!({ "claimCode": typed })).await?;
        appliance.in_activity(&id, "prepareRedemption").await?;
        appliance.kill_worker().await?;
        blocked.rollback().await?;

        rig.stack.kill_part("license-api", Signal::Freeze).await?;
        appliance.start_worker(rig)?;
        appliance.in_activity(&id, "redeemInstallCode").await?;
        // The request is with the service, which answers nobody.
        tokio::time::sleep(Duration::from_millis(500)).await;
        appliance.kill_worker().await?;
        let mut blocked = appliance.database.begin().await?;
        sqlx::query("SELECT 1 FROM license_state FOR UPDATE").fetch_all(&mut *blocked).await?;
        rig.stack.kill_part("license-api", Signal::Thaw).await?;

        appliance.start_worker(rig)?;
        appliance.in_activity(&id, "storeRedeemedLicense").await?;
        appliance.kill_worker().await?;
        rig.stack.kill_part("apiserver", Signal::Freeze).await?;
        blocked.rollback().await?;

        appliance.start_worker(rig)?;
        appliance.in_activity(&id, "updateLicenseSecret").await?;
        appliance.kill_worker().await?;
        rig.stack.kill_part("license-api", Signal::Freeze).await?;
        rig.stack.kill_part("apiserver", Signal::Thaw).await?;

        appliance.start_worker(rig)?;
        appliance.in_activity(&id, "confirmRedemption").await?;
        appliance.kill_worker().await?;
        rig.stack.kill_part("license-api", Signal::Thaw).await?;

        appliance.start_worker(rig)?;
        let result = appliance.result(&id).await?;
        ensure!(
            result["tenantId"] == json!(devstack::APPLIANCE_TENANT) && result["edition"] == json!("pro"),
            "{result}"
        );
        let keys: Vec<&String> = result.as_object().context("an object")?.keys().collect();
        ensure!(keys == ["applianceId", "checkInUrl", "edition", "expiresAt", "tenantId"], "{keys:?}");
        ensure!(audited(rig, "code.redeemed").await? == 1, "the code was redeemed more than once");
        let stored: (String, String, String) =
            sqlx::query_as("SELECT license_token, appliance_id, appliance_credential FROM license_state")
                .fetch_one(&appliance.database)
                .await?;
        ensure!(result["applianceId"] == json!(stored.1), "another appliance: {result}");
        let path = "jsonpath={.data.LICENSE_TOKEN}";
        let args = ["get", "secret", "appliance-license-seed", "-n", "msp", "-o", path];
        let token = rig.kubectl.run(&args, None).await?;
        ensure!(data_encoding::BASE64.decode(token.trim().as_bytes())? == stored.0.as_bytes(), "the Secret differs");

        // Only the start input of the legacy form holds the code; nothing holds the licence or the credential.
        let text = appliance.history(&id).await?;
        let log = appliance.worker_log()?;
        for secret in [&stored.0, &stored.2] {
            let bytes = serde_json::to_string(&secret.as_bytes())?;
            ensure!(!text.contains(bytes.trim_matches(['[', ']'])), "a licence or credential stands in the history");
            ensure!(!log.contains(secret.as_str()), "a licence or credential stands in the log");
        }
        ensure!(!log.contains(&code) && log.contains("without the mark of the codec"), "the log of a code in clear");

        // The same code again is the same redemption, now prepared by the command and named by its reference.
        let (exit, line) = redeem_by_workflow(rig, &appliance, &code).await?;
        ensure!(exit == Some(0) && line["result"]["applianceId"] == json!(stored.1), "{exit:?}: {line}");
        ensure!(audited(rig, "code.redeemed").await? == 1, "the code was redeemed again");
        // A run that fails ends the command with the code of its failure.
        let (exit, line) = redeem_by_workflow(rig, &appliance, "ZZZZZZZZ").await?;
        ensure!((exit, &line["code"]) == (Some(1), &json!("invalid_claim_code")), "{exit:?}: {line}");
        ensure!(line["remedy"] == json!("correct"), "{line}");

        check_ins_follow(rig, &appliance, subscription).await?;
        appliance.kill_worker().await
    });
}

/// Redeems with the appliance's worker. Exit code and the line for programs.
async fn redeem_by_workflow(rig: &Rig, appliance: &Appliance, code: &str) -> anyhow::Result<(Option<i32>, Value)> {
    let mut child = tokio::process::Command::new(&rig.binary)
        .args(["appliance", "redeem", "--workflow", "--output", "json"])
        .envs(&appliance.variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    child.stdin.take().context("standard input")?.write_all(code.as_bytes()).await?;
    let ended = child.wait_with_output().await?;
    let line = serde_json::from_slice(&ended.stdout).context(String::from_utf8(ended.stderr)?)?;
    Ok((ended.status.code(), line))
}

/// The schedule is there at the appliance's own time, and what it starts sees the revocation.
async fn check_ins_follow(rig: &Rig, appliance: &Appliance, subscription: &str) -> anyhow::Result<()> {
    let schedule = appliance.temporal().get_schedule_handle("appliance-license-check-in-schedule");
    eventually("the schedule is there", Duration::from_secs(90), || async {
        schedule.describe(Default::default()).await.map(drop).map_err(|error| error.to_string())
    })
    .await?;
    ensure!(check_in(appliance).await?["outcome"] == json!("unchanged"), "nothing has changed yet");
    let first = stored_license(appliance).await?;
    ensure!(kid_and_seats(&first)? == ("v1-test".to_owned(), json!(25)), "another licence");

    let customer = ["--customer", "Birch MSP", "--seats", "30"];
    let entitle = [&["license", "entitle", "--subscription", subscription][..], &customer].concat();
    let (exit, _, err) = rig.tenantry(&entitle).await?;
    ensure!(exit == 0, "{err}");
    ensure!(check_in(appliance).await?["outcome"] == json!("refreshed"), "more seats");
    ensure!(kid_and_seats(&stored_license(appliance).await?)? == ("v1-test".to_owned(), json!(30)), "the seats");

    // The next key is published by a statement since the first check-in: now it signs.
    let keys = rig.stack.root().join("license");
    let before = std::fs::read(keys.join("signing.pem"))?;
    std::fs::copy(keys.join("signing-next.pem"), keys.join("signing.pem"))?;
    let rotated = eventually("a licence of the next key", Duration::from_secs(30), || async {
        // A credential has 20 check-ins an hour.
        tokio::time::sleep(Duration::from_secs(3)).await;
        check_in(appliance).await.map_err(|error| format!("{error:#}"))?;
        let license = stored_license(appliance).await.map_err(|error| format!("{error:#}"))?;
        let (kid, _) = kid_and_seats(&license).map_err(|error| format!("{error:#}"))?;
        if kid == "v2-test" { Ok(()) } else { Err(kid) }
    })
    .await;
    std::fs::write(keys.join("signing.pem"), before)?;
    rotated?;

    let args = ["license", "revoke", "--subscription", subscription];
    let (exit, _, err) = rig.tenantry(&args).await?;
    ensure!(exit == 0, "{err}");
    let revoked = check_in(appliance).await?;
    ensure!(revoked["outcome"] == json!("revoked") && revoked["exp"].is_i64(), "{revoked}");
    let (token,): (Option<String>,) =
        sqlx::query_as("SELECT license_token FROM license_state").fetch_one(&appliance.database).await?;
    ensure!(token.is_some(), "the licence stays until it expires");
    schedule.trigger(ScheduleOverlapPolicy::Skip, TriggerScheduleOptions::default()).await?;
    Ok(())
}

async fn stored_license(appliance: &Appliance) -> anyhow::Result<String> {
    Ok(sqlx::query_scalar("SELECT license_token FROM license_state").fetch_one(&appliance.database).await?)
}

/// The key that signed a licence, and its seats.
fn kid_and_seats(license: &str) -> anyhow::Result<(String, Value)> {
    let parts: Vec<&str> = license.split('.').collect();
    let part = |n: usize| -> anyhow::Result<Value> {
        let text = parts.get(n).context("no licence")?;
        Ok(serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(text.as_bytes())?)?)
    };
    Ok((part(0)?["kid"].as_str().context("no kid")?.to_owned(), part(1)?["seats"].clone()))
}

/// One run, as the schedule starts it.
async fn check_in(appliance: &Appliance) -> anyhow::Result<Value> {
    let id = format!("check-in-{}", Uuid::new_v4());
    appliance.start("applianceCheckInWorkflow", &id, &Value::Null).await?;
    appliance.result(&id).await
}

#[test]
fn a_revocation_may_be_repeated_and_a_hosted_worker_is_no_appliance() {
    on_the_stack(async |rig| {
        let word = Uuid::new_v4().simple().to_string();
        let (submission, subscription) = (format!("order-{word}"), format!("sub_{word}"));
        let register = [
            "license",
            "register-tenant",
            "--company",
            "Cedar",
            "--email",
            "it@cedar.example",
            "--edition",
            "pro",
            "--submission",
            &submission,
            "--subscription",
            &subscription,
            "--output",
            "json",
        ];
        let registered = json_of(rig, &register).await?;
        let tenant = registered["tenant_id"].as_str().context("no tenant")?;
        let input = json!({ "stripeSubId": subscription, "reason": "subscription ended" });
        for _ in 0..2 {
            run(rig, "applianceLicenseRevocationWorkflow", &format!("license-revoke:{subscription}"), &input).await?;
        }
        let shown = json_of(rig, &["license", "tenants", "show", "--tenant", tenant, "--output", "json"]).await?;
        ensure!(shown["entitlement"]["active"] == json!(false), "{shown}");

        let id = format!("check-in-{word}");
        let outcome = run(rig, "applianceCheckInWorkflow", &id, &Value::Null).await?;
        ensure!(outcome == json!({ "outcome": "not_self_host" }), "{outcome}");
        let id = format!("redeem-{word}");
        let refused = run(rig, "applianceLicenseRedeemWorkflow", &id, &json!({ "claimCode": "K7QPM2RX" })).await;
        let text = format!("{:#}", refused.err().context("a hosted worker redeemed a code")?);
        ensure!(text.contains("keeps no licence of its own"), "{text}");
        Ok(())
    });
}

/// Starts a workflow on the hosted worker's queue and waits for its result.
async fn run(rig: &Rig, workflow: &'static str, id: &str, input: &Value) -> anyhow::Result<Value> {
    use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};
    use temporalio_common::data_converters::RawValue;
    use temporalio_common::protos::temporal::api::common::v1::Payload;
    let payload = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::to_vec(input)?,
        ..Payload::default()
    };
    let options = WorkflowStartOptions::new("tenant-workflows", id).build();
    let workflow = UntypedWorkflow::new(workflow);
    let handle = rig.temporal.start_workflow(workflow, RawValue::new(vec![payload]), options).await?;
    let raw = handle.get_result(WorkflowGetResultOptions::default()).await.map_err(|error| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(found) = cause {
            text.push_str(&format!(": {found}"));
            cause = found.source();
        }
        anyhow::Error::msg(text)
    })?;
    Ok(raw.payloads.first().and_then(|payload| serde_json::from_slice(&payload.data).ok()).unwrap_or_default())
}
