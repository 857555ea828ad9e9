//! Mail, Stripe and the shop are down, slow or refuse. A mail outage never strands a complete tenant.

use crate::cell::Cell;
use crate::matrix::{Case, report};
use crate::oracle::{self, Mailed};
use crate::rig::on_the_stack;
use crate::world::{CALLBACK_PATH, MAIL_PATH, PRICE, STATUS_PATH, World, mail_taken};
use anyhow::{Context as _, ensure};
use harness::Ended;
use outbound::testkit::{Answer, Page, ScriptedServer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A run whose steps have 20 s: half of its limit (contract, R15).
const SHORT: Duration = Duration::from_secs(40);

/// Troubles that pass: the answers of a server before it is well again. The calls' own limits are not waited for here.
fn passing() -> Vec<(&'static str, Vec<Answer>)> {
    vec![
        ("down", vec![Answer::Cut, Answer::Cut]),
        ("nonsense", vec![Answer::Nonsense, Answer::CutInBody(Page::text(200, "{\"id\": \"1\"}"))]),
        ("failing", vec![Answer::status(500), Answer::status(503)]),
        ("busy", vec![Answer::Page(Page::status(429).with_header("retry-after", "1"))]),
    ]
}

fn script(server: &ScriptedServer, path: &str, answers: Vec<Answer>) {
    answers.into_iter().for_each(|answer| server.then(path, answer));
}

/// The worker forgets which hosts it leaves alone.
async fn fresh_worker(world: &World) -> anyhow::Result<()> {
    world.rig.stack.kill_part("worker", harness::Signal::Kill).await?;
    Ok(world.rig.stack.start_part("worker").await?)
}

#[test]
fn passing_trouble_of_mail_stripe_and_shop_is_waited_out() {
    on_the_stack(async |world| {
        // Trouble after trouble: cells of one trouble share no server, and five failures in a row would make the worker leave
        // a host alone for half a minute.
        for (trouble, answers) in passing() {
            let mail = Cell::new(world, &format!("mail{trouble}"));
            let paid = Cell::bought(world, &format!("paid{trouble}")).with("skipWelcomeEmail", json!(true));
            script(&world.mail, MAIL_PATH, answers.clone());
            script(&world.stripe, &paid.checkout_path(), answers.clone());
            script(&world.shop, STATUS_PATH, answers.clone());
            script(&world.shop, CALLBACK_PATH, answers);
            let began = Instant::now();
            mail.start().await?;
            paid.start().await?;
            let cases = [
                Case { what: "sendWelcomeEmail", cell: &mail, began },
                Case { what: "Stripe and both calls to the shop", cell: &paid, began },
            ];
            report(trouble, &cases, async |case: &Case<'_>| {
                let mailed = if case.cell.flag("skipWelcomeEmail") { Mailed::Never } else { Mailed::Once };
                let ended = case.cell.ended().await?;
                oracle::complete(world, case.cell, &ended, mailed).await?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    });
}

/// Starts a creation that ends without its mail, and expects the tenant to be complete, the reason to be listed, and the
/// mail to be sent later.
async fn without_its_mail(world: &World, cell: &Cell, why: &str) -> anyhow::Result<()> {
    let cases = [Case { what: why, cell, began: Instant::now() }];
    cell.start().await?;
    report("no mail", &cases, async |case: &Case<'_>| {
        let ended = case.cell.ended().await?;
        let tenant = oracle::complete(world, case.cell, &ended, Mailed::Never).await?;
        let Ended::Completed(result) = ended else { anyhow::bail!("not completed") };
        let listed = result["skipped"].as_array().cloned().unwrap_or_default();
        let mail =
            listed.iter().filter_map(Value::as_str).find_map(|part| part.strip_prefix("sending_welcome_email: "));
        ensure!(mail.is_some_and(|said| said.contains(why)), "listed: {listed:?}");
        world.outside_well();
        fresh_worker(world).await?;
        let sent = crate::success::resend(world, &tenant, "").await?;
        ensure!(sent["success"] == json!(true), "the mail cannot be sent again: {sent}");
        let kept = format!(
            "SELECT count(*)::text FROM tenantry.activity_ledger WHERE tenant = '{tenant}' AND sealed IS NOT NULL"
        );
        ensure!(world.rig.ask(&kept).await? == "0", "the first credential is still kept");
        Ok(())
    })
    .await
}

#[test]
fn a_refused_or_unknown_mail_leaves_a_complete_tenant() {
    on_the_stack(async |world| {
        let refusal =
            |status, name| Answer::json(status, &json!({ "statusCode": status, "name": name, "message": "no" }));
        world.mail.then(MAIL_PATH, refusal(422, "validation_error"));
        without_its_mail(world, &Cell::new(world, "refused"), "validation_error").await?;
        world.mail.then(MAIL_PATH, refusal(409, "invalid_idempotent_request"));
        without_its_mail(world, &Cell::new(world, "unknown"), "invalid_idempotent_request").await?;
        // A request that is still running under this key is waited for.
        world.mail.then(MAIL_PATH, refusal(409, "concurrent_idempotent_requests"));
        let cell = Cell::new(world, "concurrent");
        cell.start().await?;
        let ended = cell.ended().await?;
        oracle::complete(world, &cell, &ended, Mailed::Once).await?;
        Ok(())
    });
}

#[test]
fn a_mail_outage_as_long_as_the_step_leaves_a_complete_tenant() {
    on_the_stack(async |world| {
        for (trouble, answer) in [("down", Answer::Cut), ("silent", Answer::Silent)] {
            world.mail.always(MAIL_PATH, answer);
            let cell = Cell { run_timeout: SHORT, ..Cell::new(world, &format!("outage{trouble}")) };
            without_its_mail(world, &cell, "TransientError").await.context(trouble)?;
        }
        Ok(())
    });
}

#[test]
fn a_shop_that_refuses_or_is_silent_holds_no_tenant_up() {
    on_the_stack(async |world| {
        world.shop.always(STATUS_PATH, Answer::status(404));
        world.shop.always(CALLBACK_PATH, Answer::status(401));
        let cell = Cell::bought(world, "shoprefuses");
        cell.start().await?;
        let ended = cell.ended().await?;
        oracle::complete(world, &cell, &ended, Mailed::Once).await?;
        let Ended::Completed(result) = ended else { anyhow::bail!("not completed") };
        for part in ["checkout_status: UpstreamRejected", "shop_callback: UpstreamRejected"] {
            let listed = result["skipped"].as_array().is_some_and(|parts| parts.contains(&json!(part)));
            ensure!(listed, "{part} is not listed: {result}");
        }
        world.outside_well();
        world.shop.then(STATUS_PATH, Answer::Silent);
        let cell = Cell::bought(world, "shopsilent");
        cell.start().await?;
        // The mail is out before the shop has answered the first call.
        harness::eventually("the mail goes out beside the call", Duration::from_secs(20), || async {
            if world.mails_to(&cell.email).is_empty() { Err("no mail".to_owned()) } else { Ok(()) }
        })
        .await?;
        let ended = cell.ended().await?;
        oracle::complete(world, &cell, &ended, Mailed::Once).await?;
        Ok(())
    });
}

/// Expects a run to end with a failure of this type, and nothing to be left.
async fn ends_clean(world: &World, cell: &Cell, expected: &str) -> anyhow::Result<()> {
    cell.start().await?;
    let ended = cell.ended().await?;
    ensure!(matches!(&ended, Ended::Failed { kind, .. } if kind == expected), "{ended:?}");
    oracle::nothing(world, cell).await
}

#[test]
fn no_tenant_is_created_without_what_was_bought() {
    on_the_stack(async |world| {
        // Stripe does not know the session, or knows no customer of it.
        let cell = Cell::bought(world, "unknownsession");
        let unknown = json!({ "error": { "code": "resource_missing", "type": "invalid_request_error" } });
        world.stripe.always(&cell.checkout_path(), Answer::json(404, &unknown));
        ends_clean(world, &cell, "UpstreamRejected").await?;
        let cell = Cell::bought(world, "nocustomer");
        world
            .stripe
            .always(&cell.checkout_path(), Answer::json(200, &json!({ "id": cell.checkout(), "customer": null })));
        ends_clean(world, &cell, "UpstreamRejected").await?;
        // Stripe is away for as long as the step lasts.
        let cell = Cell { run_timeout: SHORT, ..Cell::bought(world, "stripeaway") };
        world.stripe.always(&cell.checkout_path(), Answer::Cut);
        ends_clean(world, &cell, "TransientError").await?;
        fresh_worker(world).await?;
        // A price that nobody imported; once it is there, the same run goes through.
        let cell = Cell::bought(world, "unknownprice");
        let price = format!("price_{}", cell.word);
        world.stripe.always(&cell.checkout_path(), Answer::Page(cell.session(&price)));
        ends_clean(world, &cell, "ConfigurationError").await?;
        world
            .rig
            .sql(&format!(
                "INSERT INTO stripe_prices (tenant, stripe_price_external_id, stripe_product_id, unit_amount)
                 SELECT tenant, '{price}', stripe_product_id, unit_amount FROM stripe_prices
                 WHERE stripe_price_external_id = '{PRICE}'"
            ))
            .await?;
        cell.start().await?;
        let ended = cell.ended().await?;
        // The shop was told of the first end too.
        oracle::whole(world, &cell, &ended, Mailed::Once).await?;
        world.mail.always(MAIL_PATH, Answer::Page(mail_taken()));
        Ok(())
    });
}
