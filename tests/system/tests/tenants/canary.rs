//! A password, the secrets, and the name and address of a person are searched for in everything that people and tools read.
//! Outside the closed list of payload positions below there is no hit.

pub(crate) mod reading;

use crate::cell::Cell;
use crate::holds::{Holder, Point};
use crate::oracle::mailed_password;
use crate::replica::Replica;
use crate::rig::on_the_stack;
use crate::world::{INTERNAL_SECRET, MAIL_PATH, PRICE, RESEND_KEY, STRIPE_KEY, WEBHOOK_SECRET, World};
use anyhow::{Context as _, ensure};
use harness::{Ended, eventually};
use outbound::testkit::Answer;
use reading::{page, positions, texts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Where an existing caller's contract puts a person into a payload: start inputs, inputs of named activities, contracted
/// results (contract, section 14). `start` is a workflow's input, other names are activities; the repair's input carries the
/// start input on, as text.
const PERSONS: [&str; 19] = [
    "start tenantCreationWorkflow: adminUser.email",
    "start tenantCreationWorkflow: adminUser.firstName",
    "start tenantCreationWorkflow: adminUser.lastName",
    "start tenantCreationWorkflow: billingAddress.line1",
    "start tenantCreationWorkflow: billingAddress.phone",
    "result fetchStripeDetailsFromCheckout: billingAddress.line1",
    "result fetchStripeDetailsFromCheckout: billingAddress.phone",
    "input createTenant: adminEmail",
    "input createTenant: billingAddress.line1",
    "input createTenant: billingAddress.phone",
    "input createAdminUser: email",
    "input createAdminUser: firstName",
    "input createAdminUser: lastName",
    "input createCustomerContactActivity: email",
    "input createCustomerContactActivity: firstName",
    "input createCustomerContactActivity: lastName",
    "result findAdminUser: email",
    "end resendWelcomeEmailWorkflow: email",
    "start tenantRepairWorkflow: input",
];

/// The legacy form's two (contract, section 14).
const PASSWORDS: [&str; 2] = ["start tenantCreationWorkflow: adminUser.password", "input createAdminUser: password"];

/// A creation whose person nobody else is: every word is unique.
struct Canary {
    cell: Cell,
    person: BTreeMap<&'static str, String>,
}

fn canary(mut cell: Cell, password: bool) -> Canary {
    let word = cell.word.to_lowercase();
    let person = BTreeMap::from([
        ("first name", format!("Firsty{word}")),
        ("last name", format!("Lasty{word}")),
        ("address", format!("addressy{word}@people.test")),
        ("street", format!("Streety{word} 9")),
        ("telephone", format!("+44-99-{word}")),
    ]);
    cell.email = person["address"].clone();
    cell.input["adminUser"] =
        json!({ "firstName": person["first name"], "lastName": person["last name"], "email": person["address"] });
    cell.input["billingAddress"] =
        json!({ "line1": person["street"], "phone": person["telephone"], "countryCode": "GB" });
    if password {
        cell.input["adminUser"]["password"] = json!(format!("Passwordy-{word}"));
    }
    Canary { cell, person }
}

/// A checkout whose address Stripe knows, and the caller does not give.
fn bought(world: &World) -> Canary {
    let mut one = canary(Cell::bought(world, "canarybought"), false);
    if let Some(input) = one.cell.input.as_object_mut() {
        input.remove("billingAddress");
    }
    let (word, person) = (&one.cell.word, &one.person);
    let item = json!({ "id": format!("si_{word}"), "price": { "id": PRICE }, "quantity": 1 });
    let address = json!({ "line1": person["street"], "city": "Sampleton", "country": "GB" });
    let session = json!({
        "id": one.cell.checkout(),
        "customer": { "id": format!("cus_{word}") },
        "customer_details": { "address": address, "phone": person["telephone"] },
        "subscription": { "id": format!("sub_{word}"), "items": { "data": [item], "has_more": false } },
    });
    world.stripe.always(&one.cell.checkout_path(), Answer::json(200, &session));
    one
}

/// Creations with an operator's password, each in the middle of one of these activities.
async fn hold(world: &World, points: &[Point]) -> anyhow::Result<Vec<(Canary, Holder)>> {
    let mut held = Vec::new();
    for point in points {
        let one = canary(Cell::new(world, &format!("canaryheld{point:?}")), true);
        let holder = point.hold(world, &one.cell).await?;
        one.cell.start().await?;
        eventually(&format!("{} is held", point.as_str()), Duration::from_secs(60), || async {
            match point.is_reached(world, &one.cell, &holder).await {
                Ok(true) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        held.push((one, holder));
    }
    Ok(held)
}

/// Lives of every kind: complete with mail and with an operator's password, refused, without mail, waiting, handed over,
/// killed in the middle, mailed again.
async fn lives(world: &World) -> anyhow::Result<(Vec<Canary>, Vec<String>)> {
    let mut runs = Vec::new();
    let mut all = Vec::new();
    let complete = canary(Cell::new(world, "canary"), false);
    complete.cell.start().await?;
    let Ended::Completed(result) = complete.cell.ended().await? else { anyhow::bail!("not completed") };
    let tenant = result["tenantId"].as_str().unwrap_or_default().to_owned();
    let again = format!("resend-welcome-email-canary-{tenant}");
    let asked = json!({ "tenantId": tenant, "triggeredBy": "extension:1", "triggeredByEmail": "ops@vendor.test" });
    let start =
        harness::Start { workflow: contract::names::RESEND_WELCOME_WORKFLOW, ..harness::Start::creation(&asked) };
    world.rig.run(&again).start(start).await?;
    world.rig.run(&again).ended(crate::cell::LIFE).await?;
    runs.push(again);

    // The same address a second time, spelt in another way; and input that cannot be used.
    let mut taken = canary(Cell::new(world, "canarytaken"), true);
    taken.cell.input["adminUser"]["email"] = json!(complete.person["address"].to_uppercase());
    taken.cell.start().await?;
    taken.cell.ended().await?;
    let mut faulty = canary(Cell::new(world, "canaryfaulty"), true);
    faulty.cell.input["adminUser"]["email"] = json!(format!("no address {}", faulty.person["address"]));
    faulty.cell.start().await?;
    faulty.cell.ended().await?;

    // Mail refuses, with the address in its message.
    let refused = canary(Cell::new(world, "canaryrefused"), false);
    let message = format!("{} is no good", refused.person["address"]);
    let answer = json!({ "statusCode": 422, "name": "validation_error", "message": message });
    world.mail.then(MAIL_PATH, Answer::json(422, &answer));
    refused.cell.start().await?;
    refused.cell.ended().await?;

    let paid = bought(world);
    paid.cell.start().await?;
    let ended = paid.cell.ended().await?;
    ensure!(matches!(ended, Ended::Completed(_)), "{ended:?}");

    // An operator's password, a step that cannot go on, and a successor.
    let handed = canary(Cell::new(world, "canaryhanded"), true);
    let handed = Canary { cell: Cell { run_timeout: Duration::from_secs(30), ..handed.cell }, ..handed };
    crate::repairs::blocked(world, &handed.cell).await?;
    handed.cell.ended().await?;
    let waiting =
        world.rig.ask(&format!("SELECT tenant::text FROM tenants WHERE client_name = '{}'", handed.cell.name)).await?;
    runs.push(format!("tenant-repair-{waiting}"));

    for one in [complete, taken, faulty, refused, paid, handed] {
        runs.push(one.cell.run.id.clone());
        all.push(one);
    }
    Ok((all, runs))
}

/// What must not be found anywhere, by what it is.
fn secrets(world: &World, canaries: &[Canary]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::from([
        ("Stripe's key".to_owned(), STRIPE_KEY.to_owned()),
        ("the callbacks' secret".to_owned(), WEBHOOK_SECRET.to_owned()),
        ("the shop's secret".to_owned(), INTERNAL_SECRET.to_owned()),
        ("the mail provider's key".to_owned(), RESEND_KEY.to_owned()),
    ]);
    for (name, value) in &world.rig.environment {
        if name.contains("PASSWORD") || name == "NEXTAUTH_SECRET" {
            all.insert(name.clone(), value.clone());
        }
    }
    let keys = world.rig.environment.get("TENANTRY_SEALING_KEYS_FILE").context("no key file")?;
    for line in std::fs::read_to_string(keys)?.lines() {
        let (id, key) = line.split_once(' ').context("a line of the key file")?;
        all.insert(format!("key {id}"), key.to_owned());
    }
    for one in canaries {
        for (n, mail) in world.mails_to(&one.person["address"]).iter().enumerate() {
            let body: Value = mail.json().context("no JSON")?;
            let text = body["text"].as_str().unwrap_or_default();
            if let Some(password) = mailed_password(text) {
                all.insert(format!("password {n} of {}", one.cell.word), password.to_owned());
            }
        }
    }
    all.retain(|_, value| value.len() >= 12);
    Ok(all)
}

#[test]
fn no_person_and_no_secret_is_outside_the_positions_of_the_contract() {
    on_the_stack(async |world| {
        // A worker with every line of its log, killed in the middle of a creation with a password.
        world.rig.stack.stop_part("worker").await?;
        let worker = Replica::start(world, "canary", &[("LOG_LEVEL", "trace")])?;
        let (mut canaries, mut runs) = lives(world).await?;
        let held = hold(world, &[Point::Admin, Point::MailNoted]).await?;
        worker.kill().await?;
        world.rig.stack.start_part("worker").await?;
        for (one, holder) in held {
            holder.release().await;
            let ended = one.cell.ended().await?;
            ensure!(matches!(ended, Ended::Completed(_)), "{ended:?}");
            runs.push(one.cell.run.id.clone());
            canaries.push(one);
        }
        let secrets = secrets(world, &canaries)?;
        ensure!(secrets.len() >= 10, "only {} secrets are known", secrets.len());
        let persons: Vec<(String, String)> = canaries
            .iter()
            .flat_map(|one| {
                one.person.iter().map(|(what, text)| (format!("{what} of {}", one.cell.word), text.to_lowercase()))
            })
            .collect();
        let passwords: Vec<(String, String)> = canaries
            .iter()
            .filter_map(|one| Some((format!("password of {}", one.cell.word), one.cell.password()?.to_lowercase())))
            .collect();

        let mut leaks: BTreeSet<String> = BTreeSet::new();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for run in &runs {
            let base = format!("/api/v1/namespaces/default/workflows/{run}");
            let text = page(world, "temporal-http", &format!("{base}/history")).await?;
            let history: Value = serde_json::from_str(&text)?;
            ensure!(history["nextPageToken"].as_str().unwrap_or_default().is_empty(), "more than one page");
            let described: Value = serde_json::from_str(&page(world, "temporal-http", &base).await?)?;
            let workflow = described["workflowExecutionInfo"]["type"]["name"].as_str().unwrap_or_default().to_owned();
            let mut all = positions(&workflow, &history);
            let mut outside = Vec::new();
            texts(&described, "", &mut outside);
            all.extend(outside.into_iter().map(|(path, text)| (format!("description: {path}"), text)));
            ensure!(all.len() > 50, "{run}: the history is not readable");
            for (position, text) in all {
                let text = text.to_lowercase();
                for (what, needle) in &persons {
                    if text.contains(needle) {
                        seen.insert(position.clone());
                        if !PERSONS.contains(&position.as_str()) {
                            leaks.insert(format!("{what} at {position}"));
                        }
                    }
                }
                for (what, needle) in &passwords {
                    if text.contains(needle) {
                        seen.insert(position.clone());
                        if !PASSWORDS.contains(&position.as_str()) {
                            leaks.insert(format!("{what} at {position}"));
                        }
                    }
                }
                for (what, needle) in &secrets {
                    if text.contains(&needle.to_lowercase()) {
                        leaks.insert(format!("{what} at {position}"));
                    }
                }
            }
            if workflow != contract::names::RESEND_WELCOME_WORKFLOW {
                let state = world.rig.run(run).raw_state().await?.to_string().to_lowercase();
                for (what, needle) in persons.iter().chain(&passwords) {
                    if state.contains(needle) {
                        leaks.insert(format!("{what} in getState of {workflow}"));
                    }
                }
            }
        }
        // The search finds what is there, and the list names no position that nobody uses.
        let unused: Vec<&str> =
            PERSONS.iter().chain(&PASSWORDS).copied().filter(|position| !seen.contains(*position)).collect();
        ensure!(unused.is_empty(), "positions without a hit: {unused:?}");

        let mut places = BTreeMap::from([
            ("list of runs".to_owned(), page(world, "temporal-http", "/api/v1/namespaces/default/workflows").await?),
            ("metrics".to_owned(), page(world, "worker-metrics", "/metrics").await?),
        ]);
        for command in [&["tenant", "list"][..], &["tenant", "list", "--output", "json"]] {
            let (code, out, err) = world.rig.tenantry(command).await?;
            ensure!(code == 0 && out.contains(&canaries[0].cell.word), "{command:?} exited with {code}: {err}");
            places.insert(command.join(" "), format!("{out}{err}"));
        }
        for entry in std::fs::read_dir(world.rig.stack.root().join("logs"))? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            places.insert(format!("log {name}"), String::from_utf8_lossy(&std::fs::read(&path)?).into_owned());
        }
        let log = &places["log worker-canary.log"];
        let whole = ["\"TRACE\"", "waits for a repair of creating_admin_user", "did not go out"];
        ensure!(whole.iter().all(|line| log.contains(line)), "this is not the whole log of the worker");
        for (place, text) in &places {
            let text = text.to_lowercase();
            let secrets = secrets.iter().map(|(what, needle)| (what, needle.to_lowercase()));
            let people = persons.iter().chain(&passwords).map(|(what, needle)| (what, needle.clone()));
            for (what, needle) in people.chain(secrets) {
                if text.contains(&needle) {
                    leaks.insert(format!("{what} in {place}"));
                }
            }
        }
        ensure!(leaks.is_empty(), "{leaks:#?}");
        Ok(())
    });
}
