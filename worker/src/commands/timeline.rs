//! Follows a domain: one line per change, with the seconds since the start.

use serde::Serialize;
use std::future::Future;
use std::time::{Duration, Instant};

/// Between two looks. A stage that passes faster is seen by its successor; the row's history has it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What one look shows. `status` is one of the nine, or `gone` when there is no row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Look {
    /// The status.
    pub(crate) status: String,
    /// The deciding reason code; empty when there is none.
    pub(crate) reason: String,
    /// The sentence that the tenant sees.
    pub(crate) message: String,
}

/// The word for a row that is not there.
pub(crate) const GONE: &str = "gone";

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    /// Seconds since the start.
    pub(crate) seconds: f64,
    /// What is seen from then on.
    #[serde(flatten)]
    pub(crate) look: Look,
}

/// Statuses with their seconds; written as a JSON object in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages(pub(crate) Vec<(String, f64)>);

impl Stages {
    /// Adds statuses that passed between two looks, with the seconds that the row's history has.
    pub(crate) fn complete(&mut self, recorded: impl IntoIterator<Item = (String, f64)>) {
        for (status, seconds) in recorded {
            if !self.0.iter().any(|(seen, _)| *seen == status) {
                self.0.push((status, (seconds.max(0.0) * 10.0).round() / 10.0));
            }
        }
        self.0.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
}

impl Serialize for Stages {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(status, seconds)| (status, seconds)))
    }
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Timeline {
    /// Every change, in order.
    pub(crate) changes: Vec<Change>,
}

impl Timeline {
    /// Notes a look; says whether it differs from the one before.
    pub(crate) fn note(&mut self, seconds: f64, look: Look) -> Option<&Change> {
        if self.changes.last().is_some_and(|last| last.look == look) {
            return None;
        }
        self.changes.push(Change { seconds: (seconds * 10.0).round() / 10.0, look });
        self.changes.last()
    }

    /// Seconds at which each status was first seen, in that order.
    pub(crate) fn stages(&self) -> Stages {
        let mut stages: Vec<(String, f64)> = Vec::new();
        for change in &self.changes {
            if !stages.iter().any(|(status, _)| *status == change.look.status) {
                stages.push((change.look.status.clone(), change.seconds));
            }
        }
        Stages(stages)
    }

    /// What was seen last.
    pub(crate) fn last(&self) -> Look {
        self.changes.last().map(|change| change.look.clone()).unwrap_or_default()
    }
}

/// The line of a change.
pub(crate) fn line(change: &Change) -> String {
    let reason = if change.look.reason.is_empty() { String::new() } else { format!(" [{}]", change.look.reason) };
    let message = change.look.message.trim();
    let message = if message.is_empty() { String::new() } else { format!("  {message}") };
    format!("{:>7.1} s  {:<20}{reason}{message}", change.seconds, change.look.status)
}

/// How following ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The awaited status was seen.
    Reached,
    /// The row is gone, and that was not awaited.
    Gone,
    /// Time is up.
    TimedOut,
}

/// Looks until the awaited status is seen, the row is gone, or time is up. Without `until` it looks until time is up.
///
/// # Errors
/// Those of `look`.
pub(crate) async fn follow<F, A, E>(
    began: Instant,
    until: Option<&str>,
    timeout: Option<Duration>,
    mut look: F,
    mut tell: impl FnMut(&Change),
) -> Result<(Timeline, End), E>
where
    F: FnMut() -> A,
    A: Future<Output = Result<Look, E>>,
{
    let mut timeline = Timeline::default();
    loop {
        let seen = look().await?;
        if let Some(change) = timeline.note(began.elapsed().as_secs_f64(), seen) {
            tell(change);
        }
        let status = timeline.last().status;
        if until == Some(status.as_str()) {
            return Ok((timeline, End::Reached));
        }
        if status == GONE {
            return Ok((timeline, End::Gone));
        }
        if timeout.is_some_and(|timeout| began.elapsed() >= timeout) {
            return Ok((timeline, End::TimedOut));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(status: &str) -> Look {
        Look { status: status.to_owned(), reason: String::new(), message: "Almost there.".to_owned() }
    }

    #[test]
    fn only_changes_are_noted_and_stages_keep_their_first_time() {
        let mut timeline = Timeline::default();
        assert!(timeline.note(0.04, look("pending_dns")).is_some());
        assert!(timeline.note(0.3, look("pending_dns")).is_none());
        assert!(timeline.note(1.26, look("deploying")).is_some());
        assert!(timeline.note(2.0, look("pending_dns")).is_some());
        let stages = serde_json::to_string(&timeline.stages()).expect("written");
        assert_eq!(stages, r#"{"pending_dns":0.0,"deploying":1.3}"#);
        assert_eq!(line(&timeline.changes[1]), "    1.3 s  deploying             Almost there.");
    }

    #[test]
    fn a_stage_between_two_looks_comes_from_the_history() {
        let mut stages = Stages(vec![("pending_dns".to_owned(), 0.1), ("active".to_owned(), 9.0)]);
        stages.complete([("deploying".to_owned(), 8.84), ("active".to_owned(), 8.9)]);
        let words: Vec<_> = stages.0.iter().map(|(status, seconds)| (status.as_str(), *seconds)).collect();
        assert_eq!(words, [("pending_dns", 0.1), ("deploying", 8.8), ("active", 9.0)]);
    }

    #[tokio::test]
    async fn following_ends_at_the_awaited_status() {
        let mut words = ["pending_dns", "active"].into_iter();
        let next = || std::future::ready(Ok::<_, ()>(look(words.next().expect("ended in time"))));
        let (timeline, end) = follow(Instant::now(), Some("active"), None, next, |_| {}).await.expect("followed");
        assert_eq!((end, timeline.changes.len()), (End::Reached, 2));
    }

    #[tokio::test]
    async fn following_ends_when_the_row_is_gone_or_time_is_up() {
        let gone = || std::future::ready(Ok::<_, ()>(look(GONE)));
        let (_, end) = follow(Instant::now(), Some("active"), None, gone, |_| {}).await.expect("followed");
        assert_eq!(end, End::Gone);
        let waits = || std::future::ready(Ok::<_, ()>(look("verifying_dns")));
        let (_, end) = follow(Instant::now(), None, Some(Duration::ZERO), waits, |_| {}).await.expect("followed");
        assert_eq!(end, End::TimedOut);
    }
}
