//! Workers with other settings: a secret that is rotated in its file, payloads that are encrypted, a link instead of a
//! password, and an operator's password that a successor does not have.

use crate::cell::Cell;
use crate::oracle::{Mailed, mailed_password, whole};
use crate::repairs::blocked;
use crate::replica::Replica;
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::{Context as _, ensure};
use credentials::PasswordHash;
use harness::{Ended, eventually};
use outbound::testkit::{Answer, Recorded, ScriptedServer, verify};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Signs the calls to the application.
const APP_SECRET: &str = "reset-5a0c7e1f93b2d846";

/// Waits until the replica's log has a text at least so many times.
async fn logged(world: &World, replica: &str, text: &str, times: usize) -> anyhow::Result<()> {
    let log = world.rig.stack.root().join("logs").join(format!("worker-{replica}.log"));
    eventually(text, Duration::from_secs(30), || async {
        let written = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        match written.matches(text).count() {
            count if count >= times => Ok(()),
            count => Err(format!("{count} times")),
        }
    })
    .await
}

/// The key under which the provider was asked to send the mail of a creation.
async fn mailed_with(world: &World, label: &str) -> anyhow::Result<String> {
    let cell = Cell::new(world, label);
    cell.start().await?;
    whole(world, &cell, &cell.ended().await?, Mailed::Once).await?;
    let mails = world.mails_to(&cell.email);
    let asked = mails.first().and_then(|mail| mail.header("authorization")).context("no mail")?;
    Ok(asked.to_owned())
}

#[test]
fn a_secret_that_changes_in_its_file_is_in_force_without_a_restart() {
    on_the_stack(async |world| {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("resend_api_key");
        std::fs::write(&file, "re_first_3f9a1c77d2\n")?;
        world.rig.stack.stop_part("worker").await?;
        let path = folder.path().to_str().context("a path of text")?.to_owned();
        let _worker = Replica::start(world, "rotated", &[("SECRET_FS_BASE_PATH", &path)])?;
        ensure!(mailed_with(world, "rotfirst").await? == "Bearer re_first_3f9a1c77d2", "another key at the start");
        std::fs::write(&file, "re_second_8b21e0c4d9\n")?;
        logged(world, "rotated", "read the mounted secrets again", 1).await?;
        ensure!(mailed_with(world, "rotsecond").await? == "Bearer re_second_8b21e0c4d9", "the old key is still used");
        // What cannot be used leaves what was: Vault's renderer writes this for a key that is absent.
        std::fs::write(&file, "<no value>")?;
        logged(world, "rotated", "what was read before stays in force", 1).await?;
        ensure!(mailed_with(world, "rotthird").await? == "Bearer re_second_8b21e0c4d9", "the last good key is gone");
        let log = std::fs::read_to_string(world.rig.stack.root().join("logs").join("worker-rotated.log"))?;
        ensure!(!log.contains("re_first") && !log.contains("re_second"), "a key is in the log");
        Ok(())
    });
}

/// Asks the codec endpoint to decode payloads, as the Temporal UI does.
async fn decode(port: u16, payloads: &Value) -> anyhow::Result<Value> {
    let body = json!({ "payloads": payloads }).to_string();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let head = format!(
        "POST /decode HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Namespace: default\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    ensure!(head.contains(" 200 "), "{head}");
    Ok(serde_json::from_str(body)?)
}

fn inputs<'a>(history: &'a Value, activity: &str) -> Vec<&'a Value> {
    let events = history["history"]["events"].as_array().into_iter().flatten();
    events
        .map(|event| &event["activityTaskScheduledEventAttributes"])
        .filter(|attributes| attributes["activityType"]["name"] == json!(activity))
        .map(|attributes| &attributes["input"])
        .collect()
}

fn key_file(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("codec-keys");
    let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(37).wrapping_add(11)).collect();
    let key = data_encoding::BASE64.encode(&key);
    std::fs::write(&path, format!("codec-1 {key}\n"))?;
    Ok(path.to_str().context("a path of text")?.to_owned())
}

#[test]
fn marked_payloads_are_encrypted_through_a_whole_creation_and_shown_by_the_codec_server() {
    on_the_stack(async |world| {
        let folder = tempfile::tempdir()?;
        let keys = key_file(folder.path())?;
        let codec = [("PAYLOAD_CODEC", "sensitive"), ("TENANTRY_CODEC_KEYS_FILE", keys.as_str())];
        world.rig.stack.stop_part("worker").await?;
        let _worker = Replica::start(world, "codec", &codec)?;
        // The command line marks the input; the password is the operator's.
        let mut cell = Cell::new(world, "codec");
        cell.input["adminUser"]["password"] = json!(format!("Operators-own-{}", cell.word));
        let file = folder.path().join("input.json");
        std::fs::write(&file, cell.input.to_string())?;
        let created = tokio::process::Command::new(&world.rig.binary)
            .args(["tenant", "create", "--workflow-id", &cell.run.id, "--output", "json", "--file"])
            .arg(&file)
            .envs(&world.rig.environment)
            .envs(codec)
            .output()
            .await?;
        let (out, err) = (String::from_utf8(created.stdout)?, String::from_utf8(created.stderr)?);
        ensure!(created.status.success(), "{out}{err}");
        whole(world, &cell, &cell.ended().await?, Mailed::Once).await?;

        let path = format!("/api/v1/namespaces/default/workflows/{}/history", cell.run.id);
        let text = crate::canary::reading::page(world, "temporal-http", &path).await?;
        let password = cell.password().context("a password")?;
        let hidden = data_encoding::BASE64.encode(password.as_bytes());
        ensure!(!text.contains(password) && !text.contains(hidden.trim_end_matches('=')), "the password is readable");
        let history: Value = serde_json::from_str(&text)?;
        let admin = inputs(&history, "createAdminUser");
        let payloads = &admin.first().context("no createAdminUser")?["payloads"];
        ensure!(payloads[0]["metadata"].is_object(), "not encrypted: {payloads}");

        let port = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let mut server = tokio::process::Command::new(&world.rig.binary)
            .args(["codec-server", "--listen", &format!("127.0.0.1:{port}")])
            .envs(&world.rig.environment)
            .envs(codec)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        eventually("the codec server listens", Duration::from_secs(20), || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(|_| ()).map_err(|error| error.to_string())
        })
        .await?;
        let shown = decode(port, payloads).await?;
        server.kill().await?;
        let data = shown["payloads"][0]["data"].as_str().context("no data")?;
        let plain: Value = serde_json::from_slice(&data_encoding::BASE64.decode(data.as_bytes())?)?;
        ensure!(plain["password"] == json!(password), "the codec server shows something else");
        Ok(())
    });
}

#[test]
fn with_links_the_application_is_asked_and_no_password_is_mailed() {
    on_the_stack(async |world| {
        const RESET: &str = "/api/billing/reactivation-password-reset";
        let app = ScriptedServer::start().await;
        // The application is away at first: the mail is not sent a second time for it.
        app.then(RESET, Answer::status(503));
        app.always(RESET, Answer::status(200));
        world.rig.stack.stop_part("worker").await?;
        let base = app.base_url();
        let variables =
            [("CREDENTIAL_MODE", "link"), ("ALGA_APP_BASE_URL", base.as_str()), ("ALGA_WEBHOOK_SECRET", APP_SECRET)];
        let _worker = Replica::start(world, "link", &variables)?;
        let cell = Cell::new(world, "link");
        cell.start().await?;
        let ended = cell.ended().await?;
        let Ended::Completed(result) = &ended else { anyhow::bail!("{ended:?}") };
        let said = (&result["emailSent"], &result["credentialDelivery"], &result["temporaryPassword"]);
        ensure!(said == (&json!(true), &json!("link"), &json!("")), "{result}");
        let keys: std::collections::BTreeSet<String> = world
            .mails_to(&cell.email)
            .iter()
            .map(|mail| mail.header("idempotency-key").unwrap_or_default().to_owned())
            .collect();
        ensure!(keys.len() == 1, "mails under {} keys", keys.len());
        let mail: Value = world.mails_to(&cell.email)[0].json().context("no JSON")?;
        ensure!(mail["text"].as_str().and_then(mailed_password).is_none(), "a password was mailed");
        let asked = app.requests_to(RESET);
        ensure!(asked.len() == 2, "asked {} times", asked.len());
        for request in &asked {
            ensure!(request.json::<Value>() == Some(json!({ "email": cell.email })), "another body");
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            verify::reset(request, APP_SECRET, u64::try_from(now.as_millis())?).map_err(anyhow::Error::msg)?;
        }
        Ok(())
    });
}

#[test]
fn a_successor_does_not_know_the_operators_password_and_mails_one_of_its_own() {
    on_the_stack(async |world| {
        let mut cell = Cell { run_timeout: Duration::from_secs(40), ..Cell::new(world, "withheld") };
        cell.input["adminUser"]["password"] = json!(format!("Operators-own-{}", cell.word));
        blocked(world, &cell).await?;
        let ended = cell.ended().await?;
        ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == "RepairRequired"), "{ended:?}");
        let tenant =
            world.rig.ask(&format!("SELECT tenant::text FROM tenants WHERE client_name = '{}'", cell.name)).await?;
        let run = world.rig.run(&format!("tenant-repair-{tenant}"));
        run.waits(Duration::from_secs(60)).await?;
        crate::repairs::mend(world, &cell).await?;
        ensure!(run.decide("retry").await?.accepted == Some(true), "not accepted");
        let ended = run.ended(Duration::from_secs(60)).await?;
        let Ended::Completed(result) = &ended else { anyhow::bail!("{ended:?}") };
        ensure!(result["credentialDelivery"] == json!("mail"), "{result}");
        let mails = world.mails_to(&cell.email);
        let mail: Value = mails.first().and_then(Recorded::json).context("no mail")?;
        let mailed = mail["text"].as_str().and_then(mailed_password).context("no password in the mail")?;
        let stored = world.rig.ask(&format!("SELECT hashed_password FROM users WHERE tenant = '{tenant}'")).await?;
        let stored = PasswordHash::parse(&stored)?;
        ensure!(world.hasher.verify(&SecretString::from(mailed), &stored), "the mailed password fails");
        let operators = SecretString::from(cell.password().context("a password")?);
        ensure!(!world.hasher.verify(&operators, &stored), "the successor knew the operator's password");
        Ok(())
    });
}
