//! The same mail over SMTP, into a real mail server that keeps what it takes as files.

use crate::cell::Cell;
use crate::replica::Replica;
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::{Context as _, ensure};
use credentials::PasswordHash;
use harness::{Ended, eventually};
use secrecy::SecretString;
use serde_json::json;
use std::time::Duration;

/// The mails that the server keeps for an address.
fn kept(world: &World, address: &str) -> anyhow::Result<Vec<String>> {
    let folder = world.rig.environment.get("TENANTRY_DEV_MAIL").context("the stack keeps no mails")?;
    let mut mails = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let text = String::from_utf8_lossy(&std::fs::read(entry?.path())?).into_owned();
        if text.contains(&format!("Delivered-To: {address}")) {
            mails.push(text);
        }
    }
    Ok(mails)
}

/// Undoes quoted-printable (RFC 2045 §6.7) as far as a password of ASCII needs it.
fn decoded(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) if byte.is_ascii() => {
                out.push(char::from(byte));
                out.push_str(&part[2..]);
            }
            Some(_) | None => out.push_str(part),
        }
    }
    out
}

/// Exactly one mail was kept, and its password opens the account.
async fn one_mail(world: &World, cell: &Cell) -> anyhow::Result<()> {
    let ended = cell.ended().await?;
    let Ended::Completed(result) = &ended else { anyhow::bail!("{ended:?}") };
    let said = (&result["emailSent"], &result["credentialDelivery"]);
    ensure!(said == (&json!(true), &json!("mail")), "{result}");
    let mails = kept(world, &cell.email)?;
    ensure!(mails.len() == 1, "{} mails", mails.len());
    let text = decoded(&mails[0]);
    ensure!(text.contains("Message-ID: <"), "no Message-ID");
    let line = text.lines().find_map(|line| line.strip_prefix("Temporary password: "));
    let password = line.context("no password in the mail")?.trim_end();
    let tenant = result["tenantId"].as_str().unwrap_or_default();
    let stored = world.rig.ask(&format!("SELECT hashed_password FROM users WHERE tenant = '{tenant}'")).await?;
    let opens = world.hasher.verify(&SecretString::from(password), &PasswordHash::parse(&stored)?);
    ensure!(opens, "the mailed password fails");
    Ok(())
}

#[test]
fn a_mail_server_that_is_well_down_or_slow_gets_one_mail() {
    on_the_stack(async |world| {
        world.rig.stack.stop_part("worker").await?;
        let _worker = Replica::start(world, "smtp", &[("EMAIL_PROVIDER", "smtp")])?;
        let well = Cell::new(world, "smtpwell");
        well.start().await?;
        one_mail(world, &well).await?;

        let down = Cell::new(world, "smtpdown");
        world.rig.stack.stop_part("mail").await?;
        down.start().await?;
        eventually("the mail is tried twice", Duration::from_secs(60), || async {
            let described = down.run.describe().await.map_err(|error| format!("{error:#}"))?;
            let pending = described.raw_description.pending_activities;
            match pending.iter().find(|a| a.activity_type.as_ref().is_some_and(|t| t.name == "sendWelcomeEmail")) {
                Some(activity) if activity.attempt > 2 => Ok(()),
                other => Err(format!("{:?}", other.map(|activity| activity.attempt))),
            }
        })
        .await?;
        world.rig.stack.start_part("mail").await?;
        one_mail(world, &down).await?;

        let slow = Cell::new(world, "smtpslow");
        world.rig.stack.kill_part("mail", harness::Signal::Freeze).await?;
        slow.start().await?;
        eventually("the mail is under way", Duration::from_secs(60), || async {
            match slow.run.state().await {
                Ok(state) if state.step.as_deref() == Some("sending_welcome_email") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        world.rig.stack.kill_part("mail", harness::Signal::Thaw).await?;
        one_mail(world, &slow).await
    });
}
