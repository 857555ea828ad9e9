//! What must hold after anything: one function for creations that completed, one for those that left nothing.

use crate::cell::Cell;
use crate::world::{CALLBACK_PATH, STATUS_PATH, WEBHOOK_SECRET, World};
use anyhow::{Context as _, ensure};
use credentials::PasswordHash;
use devstack::MANAGEMENT_TENANT;
use harness::Ended;
use model::tenant::product::Product;
use outbound::testkit::{Recorded, verify};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// What the mail's end must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mailed {
    /// Exactly one, and the result says so.
    Once,
    /// None went out, and the result says so.
    Never,
}

/// Checks a creation that completed: everything that is its own, and what the shop heard. Answers the tenant.
pub(crate) async fn complete(world: &World, cell: &Cell, ended: &Ended, mailed: Mailed) -> anyhow::Result<String> {
    let tenant = whole(world, cell, ended, mailed).await?;
    callbacks(world, cell, "completed")?;
    Ok(tenant)
}

/// Checks everything that is a completed creation's own: result, answer, every row, mail, secrets, history.
pub(crate) async fn whole(world: &World, cell: &Cell, ended: &Ended, mailed: Mailed) -> anyhow::Result<String> {
    let Ended::Completed(result) = ended else { anyhow::bail!("{}: {ended:?}", cell.word) };
    let tenant = check_result(cell, result, mailed)?;
    // A run that a repair took over has its answer with its successor.
    if let Ok(state) = cell.run.state().await
        && state.step.as_deref() != Some("failed")
    {
        let seen = (state.step.as_deref(), state.progress, state.repair.is_some(), state.email_sent);
        let sent = result["emailSent"].as_bool().filter(|_| !cell.flag("skipWelcomeEmail"));
        ensure!(seen == (Some("completed"), Some(100), false, sent), "getState: {state:?}");
        ensure!(state.tenant_id.as_deref() == Some(&tenant) && state.error.is_none(), "getState: {state:?}");
    }
    rows(world, cell, &tenant, result).await?;
    records(world, &tenant, "completed").await?;
    mail(world, cell, &tenant, mailed).await?;
    no_failing_task(cell).await?;
    Ok(tenant)
}

/// Checks a creation that ended before its first commit.
pub(crate) async fn nothing(world: &World, cell: &Cell) -> anyhow::Result<()> {
    let (name, id) = (&cell.name, &cell.run.id);
    let left = world
        .rig
        .ask(&format!(
            "SELECT concat_ws(' ', (SELECT count(*) FROM tenants WHERE client_name = '{name}'),
               (SELECT count(*) FROM clients WHERE client_name = '{name}'),
               (SELECT count(*) FROM tenantry.creations WHERE origin_id = '{id}'),
               (SELECT count(*) FROM tenantry.creation_claims WHERE origin_id = '{id}'),
               (SELECT count(*) FROM tenantry.activity_ledger WHERE origin_id = '{id}'))"
        ))
        .await?;
    ensure!(left == "0 0 0 0 0", "{}: something was written: {left}", cell.word);
    ensure!(world.mails_to(&cell.email).is_empty(), "{}: a mail was sent", cell.word);
    callbacks(world, cell, "failed")?;
    no_failing_task(cell).await
}

fn check_result(cell: &Cell, result: &Value, mailed: Mailed) -> anyhow::Result<String> {
    let object = result.as_object().context("the result is no object")?;
    let skipped_mail = cell.flag("skipWelcomeEmail");
    let delivery = match (cell.password(), mailed, skipped_mail) {
        (Some(_), _, _) => "operator_supplied",
        (None, Mailed::Once, false) => "mail",
        (None, Mailed::Once | Mailed::Never, _) => "none",
    };
    let tracked = !cell.flag("skipCustomerTracking");
    for (field, expected) in [
        ("temporaryPassword", json!("")),
        ("success", json!(true)),
        ("emailSent", json!(mailed == Mailed::Once)),
        ("credentialDelivery", json!(delivery)),
    ] {
        ensure!(object.get(field) == Some(&expected), "{}: {field} of {result}", cell.word);
    }
    for (field, wanted) in [
        ("tenantId", true),
        ("adminUserId", true),
        ("clientId", true),
        ("createdAt", true),
        ("customerClientId", tracked),
        ("customerContactId", tracked),
    ] {
        let there = object.get(field).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        ensure!(there == wanted, "{}: {field} of {result}", cell.word);
    }
    Ok(result["tenantId"].as_str().unwrap_or_default().to_owned())
}

/// Every count of the contract's sections 4, 5 and 7, in one look.
async fn rows(world: &World, cell: &Cell, tenant: &str, result: &Value) -> anyhow::Result<()> {
    let by_tenant = |table: &str| format!("'{table}', (SELECT count(*) FROM {table} WHERE tenant = '{tenant}')");
    let counted = [
        "roles",
        "permissions",
        "role_permissions",
        "tax_regions",
        "tax_rates",
        "statuses",
        "asset_type_registry",
        "clients",
        "client_locations",
        "users",
        "user_roles",
        "tenant_settings",
        "tenant_email_settings",
        "tenant_companies",
        "stripe_customers",
        "stripe_subscriptions",
        "tenant_notification_category_settings",
        "tenant_notification_subtype_settings",
        "tenant_internal_notification_category_settings",
        "tenant_internal_notification_subtype_settings",
    ]
    .map(by_tenant)
    .join(", ");
    let name = &cell.name;
    let text = world
        .rig
        .ask(&format!(
            "SELECT json_build_object({counted},
               'named', (SELECT count(*) FROM tenants WHERE client_name = '{name}'),
               'default_profiles', (SELECT count(*) FROM client_billing_profiles
                  WHERE tenant = '{tenant}' AND is_default AND is_system_managed_default),
               'admins', (SELECT count(*) FROM user_roles g JOIN roles r USING (tenant, role_id) JOIN users u USING (tenant, user_id)
                  WHERE g.tenant = '{tenant}' AND r.role_name = 'Admin' AND r.msp AND u.user_type = 'internal'
                    AND u.email = '{email}' AND u.username = u.email AND u.user_id::text = '{admin}'),
               'customers', (SELECT count(*) FROM clients WHERE tenant = '{MANAGEMENT_TENANT}'
                  AND properties ->> 'tenant_id' = '{tenant}'),
               'contacts', (SELECT count(*) FROM contacts WHERE tenant = '{MANAGEMENT_TENANT}' AND email = '{email}'),
               'tags', (SELECT count(*) FROM tag_mappings m JOIN tag_definitions d USING (tenant, tag_id)
                  JOIN clients c ON c.tenant = m.tenant AND c.client_id = m.tagged_id
                  WHERE m.tenant = '{MANAGEMENT_TENANT}' AND c.properties ->> 'tenant_id' = '{tenant}' AND d.tag_text = '{tag}')
             )::text",
            email = cell.email,
            admin = result["adminUserId"].as_str().unwrap_or_default(),
            tag = match cell.product {
                Product::Psa => "PSA Customer",
                Product::Algadesk => "AlgaDesk Customer",
            },
        ))
        .await?;
    let seen: BTreeMap<String, u64> = serde_json::from_str(&text)?;
    let expected = expected(cell);
    let wrong: Vec<String> = expected
        .iter()
        .filter(|(what, count)| seen.get(**what) != Some(*count))
        .map(|(what, count)| format!("{what}: {:?} instead of {count}", seen.get(*what)))
        .collect();
    ensure!(wrong.is_empty() && seen.len() == expected.len(), "{}: {wrong:?}", cell.word);
    Ok(())
}

fn expected(cell: &Cell) -> BTreeMap<&'static str, u64> {
    let (psa, paid) = (cell.product == Product::Psa, u64::from(cell.is_paid()));
    let either = |of_psa: u64, of_desk: u64| if psa { of_psa } else { of_desk };
    let tracked = u64::from(!cell.flag("skipCustomerTracking"));
    BTreeMap::from([
        ("roles", either(8, 4)),
        ("permissions", either(198, 67)),
        ("role_permissions", either(402, 92)),
        ("tax_regions", either(1, 0)),
        ("tax_rates", either(1, 0)),
        ("statuses", either(4, 0)),
        ("asset_type_registry", either(6, 0)),
        ("clients", 1),
        ("client_locations", 1),
        ("users", 1),
        ("user_roles", 1),
        ("tenant_settings", 1),
        ("tenant_email_settings", 1),
        ("tenant_companies", 1),
        ("stripe_customers", paid),
        ("stripe_subscriptions", paid),
        ("tenant_notification_category_settings", 15),
        ("tenant_notification_subtype_settings", 55),
        ("tenant_internal_notification_category_settings", 11),
        ("tenant_internal_notification_subtype_settings", 48),
        ("named", 1),
        ("default_profiles", 1),
        ("admins", 1),
        ("customers", tracked),
        ("contacts", tracked),
        ("tags", tracked),
    ])
}

/// The creation's own record: its state, once it is complete no claim on an address, and no delivered credential that is kept.
pub(crate) async fn records(world: &World, tenant: &str, state: &str) -> anyhow::Result<()> {
    let seen = world
        .rig
        .ask(&format!(
            "SELECT concat_ws(' ', c.state,
               (SELECT count(*) FROM tenantry.creation_claims k
                  WHERE k.tenant = '{tenant}' AND k.kind = 'address' AND c.state = 'completed'),
               (SELECT count(*) FROM tenantry.activity_ledger l WHERE l.tenant = '{tenant}' AND l.sealed IS NOT NULL
                  AND coalesce((l.result ->> 'delivered')::boolean, false)))
             FROM tenantry.creations c WHERE c.tenant = '{tenant}' GROUP BY c.state"
        ))
        .await?;
    ensure!(seen == format!("{state} 0 0"), "the record of {tenant} is {seen}, not {state}");
    Ok(())
}

/// At most one mail, whatever was repeated: one key, and the same bytes under it. Its password opens the account.
async fn mail(world: &World, cell: &Cell, tenant: &str, mailed: Mailed) -> anyhow::Result<()> {
    let word = &cell.word;
    let mails = world.mails_to(&cell.email);
    let keys: BTreeSet<&str> = mails.iter().filter_map(|mail| mail.header("Idempotency-Key")).collect();
    let bodies: BTreeSet<&[u8]> = mails.iter().map(|mail| mail.body.as_slice()).collect();
    ensure!(keys.len() <= 1 && bodies.len() == keys.len(), "{word}: {} mails under {} keys", bodies.len(), keys.len());
    let stored = world.rig.ask(&format!("SELECT hashed_password FROM users WHERE tenant = '{tenant}'")).await?;
    let stored = PasswordHash::parse(&stored)?;
    if let Some(password) = cell.password() {
        ensure!(world.hasher.verify(&SecretString::from(password), &stored), "{word}: not the operator's password");
    }
    if cell.flag("skipWelcomeEmail") {
        ensure!(mails.is_empty(), "{word}: a mail was asked for, though none is wanted");
    }
    if mailed == Mailed::Never {
        return Ok(());
    }
    ensure!(keys.len() == 1, "{word}: no mail");
    let pending = world
        .rig
        .ask(&format!(
            "SELECT count(*)::text FROM tenantry.activity_ledger WHERE tenant = '{tenant}' AND sealed IS NOT NULL"
        ))
        .await?;
    ensure!(pending == "0", "{word}: a delivered credential is still kept");
    let body = mails.first().and_then(Recorded::json::<Value>).context("the mail is no JSON")?;
    let text = body["text"].as_str().context("the mail has no text")?;
    match (mailed_password(text), cell.password()) {
        (Some(password), None) => {
            ensure!(world.hasher.verify(&SecretString::from(password), &stored), "{word}: the mailed password fails");
        }
        (None, Some(password)) => ensure!(!text.contains(password), "{word}: the mail holds the operator's password"),
        (Some(_), Some(_)) | (None, None) => anyhow::bail!("{word}: the mail's access part is wrong"),
    }
    Ok(())
}

/// The password that a welcome mail gives.
pub(crate) fn mailed_password(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("Temporary password: "))
}

/// The shop hears of the end at least once, of no other end, and a repeat is one by its key.
pub(crate) fn callbacks(world: &World, cell: &Cell, end: &str) -> anyhow::Result<()> {
    let word = &cell.word;
    let of_cell = |path: &str, field: &str, state: &str| -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for request in world.shop.requests_to(path) {
            let body: Value = request.json().context("the shop was sent no JSON")?;
            if body[field] == json!(cell.checkout()) {
                let key = request.header("Idempotency-Key").context("no Idempotency-Key")?.to_owned();
                seen.entry(body[state].as_str().unwrap_or_default().to_owned()).or_default().insert(key);
                if path == CALLBACK_PATH {
                    let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
                    verify::callback_legacy(&request, WEBHOOK_SECRET).map_err(anyhow::Error::msg)?;
                    verify::callback(&request, WEBHOOK_SECRET, now).map_err(anyhow::Error::msg)?;
                }
            }
        }
        Ok(seen)
    };
    let statuses = of_cell(STATUS_PATH, "checkoutSessionId", "workflowStatus")?;
    let calls = of_cell(CALLBACK_PATH, "sessionId", "status")?;
    let of = |seen: &BTreeMap<String, BTreeSet<String>>| seen.keys().cloned().collect::<Vec<_>>().join(" ");
    let expected =
        if cell.has_checkout() { (format!("{end} in_progress"), end.to_owned()) } else { Default::default() };
    let mut wanted: Vec<&str> = expected.0.split(' ').collect();
    wanted.sort_unstable();
    ensure!((of(&statuses), of(&calls)) == (wanted.join(" "), expected.1), "{word}: {statuses:?} {calls:?}");
    let one_key = statuses.values().chain(calls.values()).all(|keys| keys.len() == 1);
    ensure!(one_key, "{word}: one news under several keys: {statuses:?} {calls:?}");
    Ok(())
}

/// What the shop heard of a checkout at last, by both of its routes.
pub(crate) fn last_words(world: &World, checkout: &str) -> (String, String) {
    let last = |path: &str, field: &str, state: &str| {
        let mut bodies = world.shop.requests_to(path).into_iter().filter_map(|request| request.json::<Value>());
        let last = bodies.rfind(|body| body[field] == json!(checkout));
        last.and_then(|body| body[state].as_str().map(str::to_owned)).unwrap_or_default()
    };
    (last(STATUS_PATH, "checkoutSessionId", "workflowStatus"), last(CALLBACK_PATH, "sessionId", "status"))
}

/// No workflow task failed: nothing loops behind a run that looks alive.
pub(crate) async fn no_failing_task(cell: &Cell) -> anyhow::Result<()> {
    let history = cell.run.history().await?;
    let failed = history.iter().filter(|event| event.event_type == EventType::WorkflowTaskFailed as i32).count();
    ensure!(failed == 0, "{}: {failed} workflow tasks failed", cell.word);
    Ok(())
}
