//! `/health` and `/ready`: what the process knows about itself, as two fixed bodies or a list of what is wrong.
//!
//! Health says that the process makes progress: no worker thread died, none is stuck. Readiness says that work would
//! succeed: every queue is polled, Temporal and the database answered within 15 s, the schema is there, the cluster answers.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// An answer older than this is lost (tenant-provisioning contract, R20).
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(15);

/// A worker thread whose runtime did not turn for this long is stuck. The SDK has no deadlock detector, and one blocking
/// workflow stops its whole thread.
pub(crate) const STUCK_AFTER: Duration = Duration::from_secs(30);

/// What a worker thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueState {
    /// Not started, or not connected yet.
    Starting,
    /// Polls its queue.
    Polling,
    /// Was asked to stop and finishes what it has.
    Draining,
    /// Ended.
    Ended,
}

/// An outside system whose answers are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum System {
    /// The Temporal server.
    Temporal,
    /// The database, reached with the worker's role.
    Database,
    /// The schema of this build is in the database.
    Schema,
    /// The Kubernetes API server.
    Cluster,
}

impl System {
    const fn name(self) -> &'static str {
        match self {
            Self::Temporal => "temporal",
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Cluster => "cluster",
        }
    }
}

#[derive(Debug)]
struct Inner {
    queues: BTreeMap<String, (QueueState, Option<Instant>)>,
    systems: BTreeMap<System, Option<Instant>>,
    draining: bool,
}

/// Shared by everything that knows something about the process's state.
#[derive(Debug, Clone)]
pub(crate) struct Health(Arc<Mutex<Inner>>);

/// What is wrong, by name. Empty never occurs in an error.
pub(crate) type Checks = BTreeMap<String, String>;

impl Health {
    /// Starts unready, with one worker thread per queue. Temporal is always needed.
    pub(crate) fn new(queues: impl IntoIterator<Item = String>) -> Self {
        let queues = queues.into_iter().map(|queue| (queue, (QueueState::Starting, None))).collect();
        let systems = BTreeMap::from([(System::Temporal, None)]);
        Self(Arc::new(Mutex::new(Inner { queues, systems, draining: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held leaves plain data behind, which stays readable.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// From now on this system must answer for the process to be ready.
    pub(crate) fn need(&self, system: System) {
        self.lock().systems.entry(system).or_insert(None);
    }

    /// The system answered well just now.
    pub(crate) fn answered(&self, system: System) {
        self.lock().systems.insert(system, Some(Instant::now()));
    }

    /// A worker thread changed its state.
    pub(crate) fn queue(&self, queue: &str, state: QueueState) {
        self.lock().queues.insert(queue.to_owned(), (state, Some(Instant::now())));
    }

    /// The runtime of a worker thread turned.
    pub(crate) fn turned(&self, queue: &str) {
        if let Some((_, turned)) = self.lock().queues.get_mut(queue) {
            *turned = Some(Instant::now());
        }
    }

    /// The process was asked to stop.
    pub(crate) fn drain(&self) {
        self.lock().draining = true;
    }

    /// State of each worker thread.
    pub(crate) fn queues(&self) -> BTreeMap<String, QueueState> {
        self.lock().queues.iter().map(|(queue, (state, _))| (queue.clone(), *state)).collect()
    }

    /// Healthy, or what is wrong.
    ///
    /// # Errors
    /// A worker thread ended without being asked to, or its runtime does not turn.
    pub(crate) fn healthy(&self) -> Result<(), Checks> {
        self.healthy_at(Instant::now())
    }

    fn healthy_at(&self, now: Instant) -> Result<(), Checks> {
        let inner = self.lock();
        let mut checks = Checks::new();
        for (queue, (state, turned)) in &inner.queues {
            let stuck = turned.is_some_and(|turned| now.saturating_duration_since(turned) > STUCK_AFTER);
            let wrong = match state {
                QueueState::Ended if !inner.draining => Some("its worker ended"),
                QueueState::Polling | QueueState::Draining if stuck => Some("its worker thread does not turn"),
                QueueState::Starting | QueueState::Polling | QueueState::Draining | QueueState::Ended => None,
            };
            if let Some(wrong) = wrong {
                checks.insert(format!("queue:{queue}"), wrong.to_owned());
            }
        }
        if checks.is_empty() { Ok(()) } else { Err(checks) }
    }

    /// Ready, or what is missing.
    ///
    /// # Errors
    /// The process starts or drains, a queue is not polled, or a system that is needed was silent for longer than 15 s.
    pub(crate) fn ready(&self) -> Result<(), Checks> {
        self.ready_at(Instant::now())
    }

    fn ready_at(&self, now: Instant) -> Result<(), Checks> {
        let mut checks = self.healthy_at(now).err().unwrap_or_default();
        let inner = self.lock();
        if inner.draining {
            checks.insert("process".to_owned(), "is draining".to_owned());
        }
        for (queue, (state, _)) in &inner.queues {
            if *state != QueueState::Polling {
                checks.entry(format!("queue:{queue}")).or_insert_with(|| "is not polled".to_owned());
            }
        }
        for (system, answered) in &inner.systems {
            let wrong = match answered {
                None => Some("did not answer yet"),
                Some(at) if now.saturating_duration_since(*at) > LOST_AFTER => Some("was silent for more than 15 s"),
                Some(_) => None,
            };
            if let Some(wrong) = wrong {
                checks.insert(system.name().to_owned(), wrong.to_owned());
            }
        }
        if checks.is_empty() { Ok(()) } else { Err(checks) }
    }

    /// The routes of the health port.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/health", get(|State(health): State<Self>| async move { answer(Probe::Health, health.healthy()) }))
            .route("/ready", get(|State(health): State<Self>| async move { answer(Probe::Ready, health.ready()) }))
            .with_state(self)
    }
}

#[derive(Clone, Copy)]
enum Probe {
    Health,
    Ready,
}

/// The bodies of the 200 answers are fixed (tenant-provisioning contract, section 2.3).
fn body(probe: Probe, result: &Result<(), Checks>, timestamp: &str) -> Value {
    match (probe, result) {
        (Probe::Health, Ok(())) => json!({"status": "healthy", "timestamp": timestamp, "worker": "running"}),
        (Probe::Ready, Ok(())) => json!({"status": "ready", "timestamp": timestamp, "worker": "ready"}),
        (Probe::Health, Err(checks)) => json!({"status": "unhealthy", "timestamp": timestamp, "checks": checks}),
        (Probe::Ready, Err(checks)) => json!({"status": "not_ready", "timestamp": timestamp, "checks": checks}),
    }
}

fn answer(probe: Probe, result: Result<(), Checks>) -> Response {
    let status = if result.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let timestamp = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    (status, Json(body(probe, &result, &timestamp))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Health {
        let health = Health::new(["q".to_owned()]);
        health.need(System::Database);
        health.queue("q", QueueState::Polling);
        health.answered(System::Temporal);
        health.answered(System::Database);
        health
    }

    #[track_caller]
    fn check(found: Result<(), Checks>, expected: &[(&str, &str)]) {
        let found = found.err().unwrap_or_default();
        let found: Vec<_> = found.iter().map(|(name, what)| (name.as_str(), what.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ready_only_when_everything_answered() {
        check(started().ready(), &[]);
        let fresh = Health::new(["q".to_owned()]);
        check(fresh.ready(), &[("queue:q", "is not polled"), ("temporal", "did not answer yet")]);
        check(fresh.healthy(), &[]);
    }

    #[test]
    fn a_silent_system_is_lost_after_fifteen_seconds() {
        let health = started();
        let later = Instant::now() + LOST_AFTER + Duration::from_secs(1);
        let silent = "was silent for more than 15 s";
        check(health.ready_at(later), &[("database", silent), ("temporal", silent)]);
        check(health.healthy_at(later), &[]);
    }

    #[test]
    fn a_dead_or_stuck_thread_is_unhealthy() {
        let health = started();
        check(health.healthy_at(Instant::now() + STUCK_AFTER * 2), &[("queue:q", "its worker thread does not turn")]);
        health.queue("q", QueueState::Ended);
        check(health.healthy(), &[("queue:q", "its worker ended")]);
        health.drain();
        check(health.healthy(), &[]);
        check(health.ready(), &[("process", "is draining"), ("queue:q", "is not polled")]);
    }

    #[test]
    fn bodies_are_those_of_the_contract() {
        let at = "2026-11-25T20:00:00.000Z";
        let text = |probe, result| body(probe, &result, at).to_string();
        assert_eq!(
            text(Probe::Health, Ok(())),
            format!(r#"{{"status":"healthy","timestamp":"{at}","worker":"running"}}"#)
        );
        assert_eq!(text(Probe::Ready, Ok(())), format!(r#"{{"status":"ready","timestamp":"{at}","worker":"ready"}}"#));
        let checks = Checks::from([("database".to_owned(), "did not answer yet".to_owned())]);
        let value = body(Probe::Ready, &Err(checks), at);
        assert_eq!((value["status"].as_str(), value["checks"]["database"].is_string()), (Some("not_ready"), true));
    }
}
