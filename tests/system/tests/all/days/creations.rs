//! The limits of a creation's steps, and what waits for days: who decides late loses nothing.

use super::life::{DAY, MINUTE};
use super::server::{Clock, TestServer};
use super::tenancies::{Outside, TENANT, Tenancies};
use super::worker::InProcess;
use anyhow::{Context as _, ensure};
use contract::names::{TENANT_CREATION_WORKFLOW, TENANT_QUEUE};
use harness::{CreationRun, Ended, Start};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
/// Longest real time until something that needs no time has happened.
const SOON: Duration = Duration::from_secs(20);
/// Limit of a run that nobody means to limit.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A server with its two workers.
struct Creations {
    server: TestServer,
    workers: [InProcess; 2],
    tenancies: Tenancies,
    clock: Clock,
    run: CreationRun,
}

/// Runs one test on a server of its own.
fn live(test: impl AsyncFnOnce(&Creations) -> anyhow::Result<()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(async {
        let mut creations = Creations::begin().await?;
        let lived = test(&creations).await;
        if lived.is_err() {
            println!("{:?}", creations.run.raw_state().await);
        }
        let ended = tokio::task::block_in_place(|| creations.workers.iter_mut().try_for_each(InProcess::end));
        lived.and(ended)
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

impl Creations {
    async fn begin() -> anyhow::Result<Self> {
        let server = TestServer::start().await?;
        let clock = server.clock();
        let tenancies = Tenancies::new(clock.clone());
        let workers = [
            InProcess::of_creations(server.client.clone(), tenancies.clone())?,
            InProcess::of_repairs(server.client.clone(), tenancies.clone())?,
        ];
        let run = CreationRun::new(server.client.clone(), "creation");
        Ok(Self { server, workers, tenancies, clock, run })
    }

    /// Starts the creation with a run limit, while these activities do not answer.
    async fn start(&self, run_timeout: Duration, silent: &[&'static str]) -> anyhow::Result<i64> {
        self.outside(|outside| outside.silent.extend(silent));
        let input = json!({
            "tenantName": "Waiting", "billingSource": "manual",
            "adminUser": { "firstName": "Sample", "lastName": "Person", "email": "waiting@days.example" },
        });
        let start = Start::creation(&input);
        ensure!((start.workflow, start.queue.as_str()) == (TENANT_CREATION_WORKFLOW, TENANT_QUEUE), "{start:?}");
        self.run.start(Start { run_timeout, ..start }).await?;
        self.clock.now_ms().await
    }

    fn outside<T>(&self, with: impl FnOnce(&mut Outside) -> T) -> T {
        with(&mut self.tenancies.outside())
    }

    /// The minutes between a time and the last try of an activity.
    fn last_try(&self, name: &str, began_ms: i64) -> anyhow::Result<i64> {
        let last = self.outside(|outside| outside.times(name).last().copied());
        Ok((last.with_context(|| format!("{name} was never tried"))? - began_ms) / MINUTE_MS)
    }

    /// Decides to try again, in a run that waits.
    async fn retry(&self, run: &CreationRun) -> anyhow::Result<()> {
        let reply = run.decide("retry").await?;
        ensure!(reply.accepted == Some(true), "{reply:?}");
        Ok(())
    }

    async fn completed(&self, run: &CreationRun) -> anyhow::Result<Value> {
        match run.ended(SOON).await? {
            Ended::Completed(result) => {
                ensure!(result["tenantId"] == TENANT && result["success"] == true, "{result}");
                Ok(result)
            }
            other @ (Ended::Failed { .. } | Ended::Cancelled | Ended::Otherwise(_)) => anyhow::bail!("{other:?}"),
        }
    }
}

/// Nobody knows whether the tenant was written: the run waits, for as long as it takes, and its wait costs nothing.
#[test]
fn a_creation_without_an_answer_waits_after_twenty_minutes_and_for_days() {
    live(async |creations| {
        let began = creations.start(YEAR, &["createTenant"]).await?;
        creations.clock.pass(19 * MINUTE).await?;
        ensure!(creations.run.state().await?.repair.is_none(), "it gave up before its time");
        creations.clock.pass(2 * MINUTE).await?;
        let state = creations.run.waits(SOON).await?;
        ensure!(state.step.as_deref() == Some("creating_tenant"), "{state:?}");
        let last = creations.last_try("createTenant", began)?;
        ensure!((18..=20).contains(&last), "the last try was {last} minutes after the start");

        let before = creations.run.history().await?.len();
        creations.clock.pass(3 * DAY).await?;
        let after = creations.run.history().await?.len();
        println!("three days of waiting: {} events", after - before);
        ensure!(after - before <= 3, "{} events of waiting", after - before);

        creations.outside(|outside| outside.silent.clear());
        creations.retry(&creations.run).await?;
        let result = creations.completed(&creations.run).await?;
        ensure!(result["emailSent"] == true, "{result}");
        let states: Vec<String> =
            creations.outside(|outside| outside.notes.iter().map(|note| note.state.clone()).collect());
        ensure!(states.last().is_some_and(|state| state == "completed"), "{states:?}");
        Ok(())
    });
}

/// The vendor's record and the mail may be left out: each after five minutes, and the tenant is complete without them.
#[test]
fn what_may_be_left_out_is_left_out_after_five_minutes() {
    live(async |creations| {
        let began = creations.start(YEAR, &["createCustomerContactActivity", "sendWelcomeEmail"]).await?;
        creations.clock.pass(11 * MINUTE).await?;
        let result = creations.completed(&creations.run).await?;
        ensure!(result["emailSent"] == false, "{result}");
        println!("left out: {}", result["skipped"]);
        let left_out = |part: &str| {
            let known = |entry: &Value| entry.as_str().is_some_and(|entry| entry.starts_with(part));
            result["skipped"].as_array().is_some_and(|parts| parts.iter().any(known))
        };
        ensure!(left_out("creating_customer_tracking") && left_out("sending_welcome_email"), "{result}");
        let (contact, mail) = (
            creations.last_try("createCustomerContactActivity", began)?,
            creations.last_try("sendWelcomeEmail", began)?,
        );
        ensure!(
            (4..=5).contains(&contact) && (9..=10).contains(&mail),
            "last tries after {contact} and {mail} minutes"
        );
        // The tag is started with the contact, and no try of that one has it tried again.
        ensure!(creations.outside(|outside| outside.times("tagCustomerClientActivity").len()) == 1, "the tag");
        Ok(())
    });
}

/// Who limits a run to a day loses sight of nothing: two minutes before the end a successor takes over, and waits on.
#[test]
fn a_run_of_a_day_hands_over_and_its_successor_waits_a_month() {
    live(async |creations| {
        let began = creations.start(DAY, &["run_onboarding_seeds"]).await?;
        creations.clock.pass(23 * 60 * MINUTE).await?;
        ensure!(creations.run.waits(SOON).await?.step.as_deref() == Some("running_onboarding_seeds"), "another step");
        let last = creations.last_try("run_onboarding_seeds", began)?;
        ensure!((18..=20).contains(&last), "the last try was {last} minutes after the start");
        creations.clock.pass(60 * MINUTE).await?;
        let Ended::Failed { kind, details, .. } = creations.run.ended(SOON).await? else {
            anyhow::bail!("the run did not hand over");
        };
        ensure!(kind == "RepairRequired", "{kind}");
        let id = details.as_ref().and_then(|details| details["workflowId"].as_str()).context("no successor")?;
        let successor = CreationRun::new(creations.server.client.clone(), id);
        creations.clock.pass(30 * DAY).await?;
        let state = successor.waits(SOON).await?;
        ensure!(state.tenant_id.as_deref() == Some(TENANT), "{state:?}");
        creations.outside(|outside| outside.silent.clear());
        creations.retry(&successor).await?;
        creations.completed(&successor).await?;
        ensure!(creations.outside(|outside| outside.times("createTenant").len()) == 1, "a tenant more");
        Ok(())
    });
}
