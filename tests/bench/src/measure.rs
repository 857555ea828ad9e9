//! Measuring helpers: percentiles, medians, and what `/proc` says of a process.

use anyhow::Context as _;
use std::time::Duration;

/// A number from the environment, or `default`.
pub fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Percentile of some durations in milliseconds; 0 when there are none.
pub fn percentile(sorted: &mut [Duration], percent: usize) -> f64 {
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
}

/// The middle one of some numbers; 0 when there are none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Resident memory of a process in megabytes.
///
/// # Errors
/// The process is gone.
pub fn resident_mb(pid: i32) -> anyhow::Result<f64> {
    memory_mb(pid, "VmRSS:")
}

/// Highest resident memory of a process in megabytes, since it began or since [`forget_peak`].
///
/// # Errors
/// The process is gone.
pub fn peak_mb(pid: i32) -> anyhow::Result<f64> {
    memory_mb(pid, "VmHWM:")
}

/// Lets the highest resident memory of a process begin anew (proc(5), `clear_refs`, 5).
///
/// # Errors
/// The process is gone, or another user's.
pub fn forget_peak(pid: i32) -> anyhow::Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context("could not begin a new peak of memory")
}

fn memory_mb(pid: i32, field: &'static str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context(field)?;
    let kb: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kb / 1024.0)
}

/// CPU seconds, user and system, that a process has used. The kernel counts in hundredths.
///
/// # Errors
/// The process is gone.
pub fn cpu_seconds(pid: i32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(')').context("no command name")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / 100.0)
}
