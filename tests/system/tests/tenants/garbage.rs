//! Inputs that nobody can use: every field with every kind of wrong value, and payloads that are no JSON at all. Each ends as
//! a `ValidationError` that names the field and repeats no value, and no workflow task ever fails.

use crate::cell::Cell;
use crate::rig::on_the_stack;
use crate::world::World;
use anyhow::ensure;
use futures::future::try_join_all;
use harness::{CreationRun, Ended, Start};
use model::tenant::input;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use uuid::Uuid;

/// Stands in every wrong text, so that an echo is found.
const ECHO: &str = "echo7f3a9c";
/// Runs at the same time.
const AT_ONCE: usize = 40;
const END: Duration = Duration::from_secs(60);

/// Every field of the contract's section 3.1.
const FIELDS: [&str; 48] = [
    "tenantName",
    "adminUser",
    "adminUser.firstName",
    "adminUser.lastName",
    "adminUser.email",
    "adminUser.password",
    "adminUser.passwordHash",
    "adminUser.passwordRef",
    "tenantId",
    "companyName",
    "clientName",
    "contractLine",
    "emailProvider",
    "licenseCount",
    "plan",
    "productCode",
    "billingSource",
    "checkoutSessionId",
    "stripeCustomerId",
    "stripeSubscriptionId",
    "stripeSubscriptionItemId",
    "stripePriceId",
    "stripeBaseItemId",
    "stripeBasePriceId",
    "appleIap",
    "appleIap.originalTransactionId",
    "appleIap.productId",
    "appleIap.bundleId",
    "appleIap.environment",
    "appleIap.appAccountToken",
    "appleIap.latestTransactionId",
    "appleIap.expiresAt",
    "appleIap.originalPurchaseAt",
    "billingAddress",
    "billingAddress.line1",
    "billingAddress.line2",
    "billingAddress.city",
    "billingAddress.state",
    "billingAddress.postalCode",
    "billingAddress.countryCode",
    "billingAddress.phone",
    "addons",
    "skipCustomerTracking",
    "skipWelcomeEmail",
    "adminUser.firstName ",
    "adminuser",
    "__proto__",
    "constructor",
];

/// How many of the values may be used after all, by field: names may be texts in one line, a
/// password any text, and fields that nobody knows are nobody's.
const ACCEPTED: [(&str, usize); 21] = [
    ("__proto__", 10),
    ("adminUser.firstName", 2),
    ("adminUser.firstName ", 10),
    ("adminUser.lastName", 2),
    ("adminUser.password", 4),
    ("adminuser", 10),
    ("billingAddress", 1),
    ("billingAddress.city", 2),
    ("billingAddress.line1", 2),
    ("billingAddress.line2", 2),
    ("billingAddress.phone", 2),
    ("billingAddress.postalCode", 2),
    ("billingAddress.state", 2),
    ("clientName", 2),
    ("companyName", 2),
    ("constructor", 10),
    ("contractLine", 2),
    ("licenseCount", 1),
    ("skipCustomerTracking", 1),
    ("skipWelcomeEmail", 1),
    ("tenantName", 2),
];

/// Values of every kind, most of them wrong for most fields.
fn values() -> Vec<Value> {
    let text = |text: &str| json!(format!("{ECHO}{text}"));
    vec![
        json!(5),
        json!(-1.5),
        json!(true),
        json!([ECHO, 5]),
        json!({ ECHO: { ECHO: [] } }),
        text(&"x".repeat(20_000)),
        text("\r\nBcc: somebody@elsewhere.test"),
        text("\u{0}"),
        text(" ' OR 1=1 -- / .. % {{7*7}} <b>"),
        text("\u{202e}\u{fffd}"),
    ]
}

fn set(input: &mut Value, field: &str, value: Value) {
    match field.split_once('.') {
        Some((part, field)) => input[part][field] = value,
        None => input[field] = value,
    }
}

/// Inputs that cannot be used, with the field that is wrong.
fn faulty(world: &World) -> (Vec<(&'static str, Value)>, BTreeMap<&'static str, usize>) {
    let mut all = Vec::new();
    let mut accepted = BTreeMap::new();
    for field in FIELDS {
        for value in values() {
            let mut input = Cell::new(world, "garbage").input;
            if field.starts_with("appleIap.") {
                input["billingSource"] = json!("apple_iap");
                input["appleIap"] = json!({ "originalTransactionId": "1", "productId": "p", "bundleId": "b", "environment": "Sandbox" });
            }
            set(&mut input, field, value);
            // What can be used after all would create a tenant; which those may be is counted.
            match input::parse(&input, None) {
                Err(_) => all.push((field, input)),
                Ok(_) => *accepted.entry(field).or_default() += 1,
            }
        }
    }
    (all, accepted)
}

/// Starts it, and expects the one end that garbage may have.
async fn is_refused(run: &CreationRun, start: Start) -> anyhow::Result<Value> {
    run.start(start).await?;
    let ended = run.ended(END).await?;
    let Ended::Failed { kind, text, details } = ended else { anyhow::bail!("{ended:?}") };
    ensure!(kind == "ValidationError", "{kind}: {text}");
    let details = details.unwrap_or_default();
    ensure!(!text.contains(ECHO) && !details.to_string().contains(ECHO), "the failure repeats a value");
    let faults = details.as_array().map(Vec::len).unwrap_or_default();
    ensure!(faults > 0, "no fault is listed: {details}");
    let history = run.history().await?;
    let of = |kind: EventType| history.iter().filter(|event| event.event_type == kind as i32).count();
    let activities = of(EventType::ActivityTaskScheduled);
    ensure!(of(EventType::WorkflowTaskFailed) + of(EventType::WorkflowTaskTimedOut) == 0, "a looping task");
    ensure!(activities == 0, "{activities} activities were asked for");
    Ok(details)
}

fn garbage_run(world: &World) -> CreationRun {
    world.rig.run(&format!("tenant-creation-garbage-{}", Uuid::new_v4()))
}

async fn tenants(world: &World) -> anyhow::Result<String> {
    world
        .rig
        .ask("SELECT concat_ws(' ', (SELECT count(*) FROM tenants), (SELECT count(*) FROM tenantry.activity_ledger))")
        .await
}

#[test]
fn every_field_with_every_kind_of_wrong_value_is_refused_by_name() {
    on_the_stack(async |world| {
        let before = tenants(world).await?;
        let (faulty, accepted) = faulty(world);
        for batch in faulty.chunks(AT_ONCE) {
            try_join_all(batch.iter().map(|(field, input)| async move {
                let details = is_refused(&garbage_run(world), Start::creation(input)).await?;
                let named = details.as_array().is_some_and(|faults| {
                    faults.iter().any(|fault| fault["field"].as_str().is_some_and(|said| said.starts_with(field)))
                });
                ensure!(named, "{field} is not named: {details}");
                Ok(())
            }))
            .await?;
        }
        println!("cells garbage: {}", faulty.len());
        ensure!(accepted == BTreeMap::from(ACCEPTED), "accepted: {accepted:?}");
        let usable: usize = ACCEPTED.iter().map(|(_, count)| count).sum();
        ensure!(faulty.len() == FIELDS.len() * values().len() - usable, "{} inputs are faulty", faulty.len());
        ensure!(tenants(world).await? == before, "something was written");
        Ok(())
    });
}

#[test]
fn payloads_that_are_no_input_end_as_one_too() {
    on_the_stack(async |world| {
        let before = tenants(world).await?;
        let payload = |encoding: &[u8], data: &[u8]| Payload {
            metadata: [("encoding".to_owned(), encoding.to_vec())].into(),
            data: data.to_vec(),
            ..Payload::default()
        };
        let json = |text: &str| payload(b"json/plain", text.as_bytes());
        let good = json(&Cell::new(world, "secondargument").input.to_string());
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let all: Vec<(&str, Vec<Payload>)> = vec![
            ("no argument", vec![]),
            ("a second argument", vec![json("null"), good.clone()]),
            ("no JSON", vec![json("{\"tenantName\": echo7f3a9c")]),
            ("half of an input", vec![json("{\"tenantName\": \"echo7f3a9c\", \"adminUser\": {")]),
            ("two values", vec![json("{} {}")]),
            ("an empty payload", vec![json("")]),
            ("no UTF-8", vec![payload(b"json/plain", &[b'"', 0xff, 0xfe, b'"'])]),
            ("nested too deep", vec![json(&deep)]),
            ("null", vec![json("null")]),
            ("a number", vec![json("1e400")]),
            ("a text", vec![json("\"echo7f3a9c\"")]),
            ("a list", vec![json("[{\"tenantName\": \"echo7f3a9c\"}]")]),
            ("bytes", vec![payload(b"binary/plain", &good.data)]),
            ("an encoding that nobody knows", vec![payload(b"echo7f3a9c/other", &good.data)]),
            ("encrypted", vec![payload(b"binary/encrypted", &[1, 2, 3])]),
            ("no encoding", vec![Payload { data: good.data.clone(), ..Payload::default() }]),
            ("the null encoding", vec![payload(b"binary/null", b"")]),
        ];
        for workflow in [contract::names::TENANT_CREATION_WORKFLOW, contract::names::ALGADESK_TENANT_CREATION_WORKFLOW]
        {
            try_join_all(all.iter().map(|(what, arguments)| async move {
                let start = Start { workflow, arguments: arguments.clone(), ..Start::creation(&Value::Null) };
                is_refused(&garbage_run(world), start).await.map_err(|error| error.context(*what))
            }))
            .await?;
        }
        println!("cells garbage payloads: {}", 2 * all.len());
        ensure!(tenants(world).await? == before, "something was written");
        Ok(())
    });
}

#[test]
fn a_resend_that_nobody_can_use_says_so_and_does_not_fail() {
    on_the_stack(async |world| {
        for argument in [
            json!(null),
            json!([]),
            json!({ "tenantId": ECHO }),
            json!({ "tenantId": 5 }),
            json!({ "tenantId": Uuid::new_v4() }),
        ] {
            let run = garbage_run(world);
            let start = Start { workflow: contract::names::RESEND_WELCOME_WORKFLOW, ..Start::creation(&argument) };
            run.start(start).await?;
            let ended = run.ended(END).await?;
            let Ended::Completed(result) = &ended else { anyhow::bail!("{argument}: {ended:?}") };
            ensure!(result["success"] == json!(false) && result["error"].is_string(), "{argument}: {result}");
            ensure!(!result.to_string().contains(ECHO), "{argument}: {result}");
        }
        Ok(())
    });
}
