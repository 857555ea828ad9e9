//! Creations on a good day, in every form in which they are asked for.

use crate::cell::Cell;
use crate::oracle::{self, Mailed, mailed_password};
use crate::replica::Replica;
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::{Context as _, ensure};
use credentials::PasswordHash;
use futures::future::try_join_all;
use harness::{Ended, Start};
use outbound::testkit::Recorded;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;

/// Runs a creation while somebody asks for its state again and again: the progress never decreases.
async fn watched(world: &World, cell: &Cell, mailed: Mailed) -> anyhow::Result<String> {
    cell.start().await?;
    let watch = async {
        let mut last = 0;
        loop {
            let state = cell.run.state().await?;
            let progress = state.progress.unwrap_or_default();
            ensure!(progress >= last, "{}: {progress} % after {last} %", cell.word);
            last = progress;
            if state.step.as_deref() == Some("completed") || state.step.as_deref() == Some("failed") {
                return Ok(());
            }
        }
    };
    let (ended, watched) = tokio::join!(cell.ended(), watch);
    watched?;
    oracle::complete(world, cell, &ended?, mailed).await
}

#[test]
fn a_tenant_of_each_product_is_complete() {
    on_the_stack(async |world| {
        watched(world, &Cell::new(world, "psa"), Mailed::Once).await?;
        watched(world, &Cell::new(world, "desk").algadesk(), Mailed::Once).await?;
        Ok(())
    });
}

#[test]
fn a_checkout_is_read_linked_and_told_of() {
    on_the_stack(async |world| {
        let cell = Cell::bought(world, "checkout");
        let tenant = watched(world, &cell, Mailed::Once).await?;
        let linked = world
            .rig
            .ask(&format!(
                "SELECT concat_ws(' ', t.plan, t.licensed_user_count, s.stripe_subscription_external_id, s.quantity,
                   s.metadata ->> 'stripe_subscription_item_id', l.country_name, l.address_line1)
                 FROM tenants t JOIN stripe_subscriptions s USING (tenant) JOIN client_locations l USING (tenant)
                 WHERE t.tenant = '{tenant}'"
            ))
            .await?;
        let word = &cell.word;
        ensure!(linked == format!("pro 3 sub_{word} 3 si_{word} United Kingdom 1 Sample Street"), "{linked}");
        let written = world.stripe.requests_to(&format!("/v1/subscriptions/sub_{word}"));
        let form = written.first().map(Recorded::form).context("the subscription's metadata were not written")?;
        ensure!(form.contains(&("metadata[tenant_id]".to_owned(), tenant.clone())), "{form:?}");
        // Nobody who starts the same checkout again gets a second tenant, and is told which one has it.
        let again = Cell { name: cell.name.clone(), ..Cell::new(world, "again") };
        let again = again.with("checkoutSessionId", json!(cell.checkout())).with("billingSource", json!("stripe"));
        again.start().await?;
        let Ended::Failed { kind, details, .. } = again.ended().await? else { anyhow::bail!("a second tenant") };
        ensure!(kind == "DuplicateError", "{kind}");
        ensure!(details == Some(json!({ "existingTenantId": tenant })), "{details:?}");
        let last = oracle::last_words(world, &cell.checkout());
        ensure!(last == ("completed".to_owned(), "completed".to_owned()), "the shop's last words: {last:?}");
        Ok(())
    });
}

#[test]
fn what_the_caller_says_of_billing_is_linked_too() {
    on_the_stack(async |world| {
        let cell = Cell::new(world, "apple").with("billingSource", json!("apple_iap")).with("plan", json!("solo"));
        let iap = json!({ "originalTransactionId": format!("iap{}", cell.word), "productId": "solo.monthly",
            "bundleId": "test.tenantry.app", "environment": "Sandbox", "expiresAt": "2027-01-01T00:00:00Z" });
        let cell = cell.with("appleIap", iap).with("addons", json!(["rmm", "rmm", "ai"]));
        let tenant = watched(world, &cell, Mailed::Once).await?;
        let linked = world
            .rig
            .ask(&format!(
                "SELECT concat_ws(' ', t.plan, t.billing_source, a.original_transaction_id, a.status,
                   (SELECT string_agg(addon_key, ',' ORDER BY addon_key) FROM tenant_addons WHERE tenant = t.tenant))
                 FROM tenants t JOIN apple_iap_subscriptions a USING (tenant) WHERE t.tenant = '{tenant}'"
            ))
            .await?;
        ensure!(linked == format!("solo apple_iap iap{} active ai,rmm", cell.word), "{linked}");
        Ok(())
    });
}

/// The appliance: an id minted beforehand, an operator's password, neither mail nor record.
fn appliance(world: &World, label: &str) -> (Cell, String) {
    let mut cell = Cell::new(world, label);
    let tenant = uuid::Uuid::new_v4().to_string();
    cell.input["adminUser"]["password"] = json!(format!("Operators-own-{}", cell.word));
    let cell = cell.with("tenantId", json!(tenant)).with("skipCustomerTracking", json!(true));
    (cell.with("skipWelcomeEmail", json!(true)), tenant)
}

#[test]
fn an_appliance_gets_its_own_id_and_the_operators_password() {
    on_the_stack(async |world| {
        let (cell, minted) = appliance(world, "appliance");
        ensure!(watched(world, &cell, Mailed::Never).await? == minted, "another id");
        ensure!(world.mails_to(&cell.email).is_empty(), "a mail was sent");
        // With a mail: it goes out, and holds no password.
        let (cell, _) = appliance(world, "operator");
        watched(world, &cell.with("skipWelcomeEmail", json!(false)), Mailed::Once).await?;
        Ok(())
    });
}

#[test]
fn a_hash_is_taken_and_one_of_other_lengths_is_refused_before_anything_is_written() {
    on_the_stack(async |world| {
        let mut cell = Cell::new(world, "hash").with("skipWelcomeEmail", json!(true));
        let secret = SecretString::from("chosen-elsewhere");
        let hash = world.hasher.hash(&secret, &mut credentials::system_random());
        cell.input["adminUser"]["passwordHash"] = json!(hash.expose());
        cell.start().await?;
        let Ended::Completed(result) = cell.ended().await? else { anyhow::bail!("not completed") };
        let stored =
            format!("SELECT hashed_password FROM users WHERE tenant = '{}'", result["tenantId"].as_str().unwrap_or(""));
        let stored = PasswordHash::parse(&world.rig.ask(&stored).await?)?;
        ensure!(world.hasher.verify(&secret, &stored), "the hash was changed");

        let mut cell = Cell::new(world, "oddhash");
        cell.input["adminUser"]["passwordHash"] = json!("00ff:00ff");
        cell.start().await?;
        let ended = cell.ended().await?;
        let Ended::Failed { kind, details, .. } = &ended else { anyhow::bail!("{ended:?}") };
        let named = json!([{ "field": "adminUser.passwordHash", "code": "BAD_FORM" }]);
        ensure!((kind.as_str(), details.as_ref()) == ("ValidationError", Some(&named)), "{ended:?}");
        oracle::nothing(world, &cell).await
    });
}

/// Asks for the welcome mail again.
pub(crate) async fn resend(world: &World, tenant: &str, user: &str) -> anyhow::Result<Value> {
    let run = world.rig.run(&format!("resend-welcome-email-{tenant}-{}", uuid::Uuid::new_v4()));
    let input = json!({ "tenantId": tenant, "userId": user, "triggeredBy": "extension:7", "triggeredByEmail": "ops@vendor.test" });
    let start = Start { workflow: contract::names::RESEND_WELCOME_WORKFLOW, ..Start::creation(&input) };
    run.start(start).await?;
    match run.ended(Duration::from_secs(60)).await? {
        Ended::Completed(result) => Ok(result),
        other @ (Ended::Failed { .. } | Ended::Cancelled | Ended::Otherwise(_)) => {
            anyhow::bail!("the resend never fails: {other:?}")
        }
    }
}

#[test]
fn a_mail_that_is_sent_again_gives_a_new_password_a_few_times_an_hour() {
    on_the_stack(async |world| {
        let cell = Cell::new(world, "resend").with("skipWelcomeEmail", json!(true));
        let tenant = watched(world, &cell, Mailed::Never).await?;
        let stored = format!("SELECT hashed_password FROM users WHERE tenant = '{tenant}'");
        for count in 1..=3 {
            let result = resend(world, &tenant, "").await?;
            let expected = json!({ "success": true, "email": cell.email, "tenantName": cell.name });
            ensure!(result == expected, "{count}: {result}");
            let mails = world.mails_to(&cell.email);
            ensure!(mails.len() == count, "{} mails", mails.len());
            let body: Value = mails.last().and_then(Recorded::json).context("no JSON")?;
            let password = body["text"].as_str().and_then(mailed_password).context("no password")?;
            let stored = PasswordHash::parse(&world.rig.ask(&stored).await?)?;
            ensure!(world.hasher.verify(&SecretString::from(password), &stored), "{count}: the mailed password fails");
        }
        let result = resend(world, &tenant, "").await?;
        ensure!(result["success"] == json!(false) && world.mails_to(&cell.email).len() == 3, "a fourth mail: {result}");
        let nobody = resend(world, &tenant, &uuid::Uuid::new_v4().to_string()).await?;
        ensure!(nobody["success"] == json!(false), "somebody else: {nobody}");
        let audit = world
            .rig
            .ask(&format!(
                "SELECT string_agg(event_type || ' ' || status, ', ' ORDER BY created_at) FROM extension_audit_logs
                 WHERE details ->> 'tenantId' = '{tenant}'"
            ))
            .await?;
        let (sent, refused) = ("tenant.welcome.email.resent completed", "tenant.welcome.email.resend.failed failed");
        ensure!(audit == format!("{sent}, {sent}, {sent}, {refused}, {refused}"), "{audit}");
        Ok(())
    });
}

#[test]
fn of_ten_mails_that_are_asked_for_at_once_three_go_out() {
    on_the_stack(async |world| {
        let cell = Cell::new(world, "tenatonce").with("skipWelcomeEmail", json!(true));
        let tenant = watched(world, &cell, Mailed::Never).await?;
        let asked = try_join_all((0..10).map(|_| resend(world, &tenant, ""))).await?;
        let sent = asked.iter().filter(|result| result["success"] == json!(true)).count();
        let mails = world.mails_to(&cell.email).len();
        ensure!((sent, mails) == (3, 3), "{sent} were sent, {mails} mails");
        Ok(())
    });
}

#[test]
fn without_stripe_and_a_billing_tenant_it_is_said() {
    on_the_stack(async |world| {
        world.rig.stack.stop_part("worker").await?;
        let none = [("STRIPE_SECRET_KEY", ""), ("MASTER_BILLING_TENANT_ID", "")];
        let _worker = Replica::start(world, "unpaid", &none)?;
        let paid = Cell::new(world, "unpaid").with("billingSource", json!("stripe"));
        let paid = paid.with("stripeCustomerId", json!("cus_unpaid"));
        paid.start().await?;
        let ended = paid.ended().await?;
        let Ended::Failed { kind, text, .. } = &ended else { anyhow::bail!("{ended:?}") };
        ensure!(kind == "ConfigurationError" && text.contains("STRIPE_SECRET_KEY"), "{ended:?}");
        oracle::nothing(world, &paid).await?;
        let cell = Cell::new(world, "unnoted").with("skipWelcomeEmail", json!(true));
        let cell = cell.with("skipCustomerTracking", json!(true));
        let tenant = watched(world, &cell, Mailed::Never).await?;
        let result = resend(world, &tenant, "").await?;
        let said = result["error"].as_str().unwrap_or_default();
        ensure!(result["success"] == json!(true) && said.contains("NO_BILLING_TENANT"), "{result}");
        let result = resend(world, &tenant, &uuid::Uuid::new_v4().to_string()).await?;
        let said = result["error"].as_str().unwrap_or_default();
        ensure!(result["success"] == json!(false) && said.contains("NO_BILLING_TENANT"), "{result}");
        Ok(())
    });
}
