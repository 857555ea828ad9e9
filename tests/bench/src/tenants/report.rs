//! What is printed: a table for people, and the same as JSON.

use super::hashing;
use serde::Serialize;
use std::fmt;

/// Least, median and most of some numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Range {
    least: usize,
    median: usize,
    most: usize,
}

impl Range {
    /// Of these; zeros when there are none.
    pub(super) fn of(numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut sorted: Vec<usize> = numbers.into_iter().collect();
        sorted.sort_unstable();
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self { least: at(0), median: at(sorted.len() / 2), most: at(sorted.len().saturating_sub(1)) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.least == self.most {
            return write!(f, "{}, always", self.most);
        }
        write!(f, "{} to {}, median {}", self.least, self.most, self.median)
    }
}

/// Creations while nothing else ran.
#[derive(Debug, Serialize)]
pub(super) struct Alone {
    pub(super) creations: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Creations at once.
#[derive(Debug, Serialize)]
pub(super) struct Burst {
    pub(super) creations: usize,
    pub(super) width: usize,
    pub(super) errors: usize,
    pub(super) seconds: f64,
    pub(super) creations_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// CPU of the worker per creation, hashing included.
    pub(super) worker_cpu_ms: f64,
    /// Highest resident memory while they ran.
    pub(super) worker_peak_mb: f64,
    pub(super) worker_after_mb: f64,
}

/// What one creation asks of others.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    /// How many were counted alone, and how many at once.
    pub(super) creations: usize,
    /// SQL statements without beginnings and ends of transactions.
    pub(super) statements: Range,
    /// The same per creation where all ran at once.
    pub(super) statements_at_once: f64,
    /// Requests to Stripe, shop and mail provider.
    pub(super) requests: Range,
}

/// Everything about one kind of creation.
#[derive(Debug, Serialize)]
pub(super) struct KindReport {
    pub(super) kind: &'static str,
    pub(super) alone: Alone,
    pub(super) events: Range,
    pub(super) workflow_tasks: Range,
    pub(super) burst: Burst,
    pub(super) counts: Option<Counts>,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) hash_cpu_ms: f64,
    pub(super) worker_idle_mb: f64,
    pub(super) kinds: Vec<KindReport>,
}

impl Report {
    /// Prints it.
    ///
    /// # Errors
    /// A number is none.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        println!("| what | measured |\n|---|---|");
        let row = |what: &str, measured: String| println!("| {what} | {measured} |");
        let hash = self.hash_cpu_ms;
        row(&format!("one hash of {} rounds", hashing::ITERATIONS), format!("{hash:.1} ms of CPU"));
        row("worker RSS idle", format!("{:.1} MB", self.worker_idle_mb));
        for of in &self.kinds {
            let (kind, alone, burst) = (of.kind, &of.alone, &of.burst);
            row(
                &format!("{kind}: start to result, {} one after the other", alone.creations),
                format!("p50 {:.0} ms, p99 {:.0} ms", alone.p50_ms, alone.p99_ms),
            );
            row(&format!("{kind}: events"), of.events.to_string());
            row(&format!("{kind}: workflow tasks"), of.workflow_tasks.to_string());
            row(
                &format!("{kind}: {} creations, {} at once", burst.creations, burst.width),
                format!(
                    "{} errors, {:.1} s, {:.1} creations/s, p50 {:.0} ms, p99 {:.0} ms",
                    burst.errors, burst.seconds, burst.creations_per_second, burst.p50_ms, burst.p99_ms
                ),
            );
            let hashes = f64::from(hashing::PER_CREATION) * hash;
            row(
                &format!("{kind}: worker CPU per creation"),
                format!("{:.1} ms, of which some {hashes:.1} ms of hashing", burst.worker_cpu_ms),
            );
            row(
                &format!("{kind}: worker RSS meanwhile"),
                format!("peak {:.1} MB, afterwards {:.1} MB", burst.worker_peak_mb, burst.worker_after_mb),
            );
            if let Some(counts) = &of.counts {
                row(
                    &format!("{kind}: statements per creation"),
                    format!(
                        "{}; {:.1} with {} at once",
                        counts.statements, counts.statements_at_once, counts.creations
                    ),
                );
                row(&format!("{kind}: requests per creation"), counts.requests.to_string());
            }
        }
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_when_it_is_none() {
        assert_eq!(Range::of([7, 7]).to_string(), "7, always");
        assert_eq!(Range::of([9, 7, 8]).to_string(), "7 to 9, median 8");
        assert_eq!(Range::of([]), Range::default());
    }
}
