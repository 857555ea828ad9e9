//! Many creations at once: errors, speed, memory and CPU of the worker.

use super::report::Burst;
use super::world::{Kind, World};
use crate::measure::{cpu_seconds, forget_peak, peak_mb, percentile, resident_mb};
use futures::{StreamExt as _, stream};
use std::time::{Duration, Instant};

/// Errors that are printed; the rest is counted.
const SHOWN: usize = 3;

/// Creates `creations` tenants, `width` at a time.
///
/// # Errors
/// The worker is gone. A creation that fails is counted.
pub(super) async fn run(world: &World, kind: Kind, creations: usize, width: usize) -> anyhow::Result<Burst> {
    let worker = world.worker()?;
    forget_peak(worker)?;
    let (begin, used) = (Instant::now(), cpu_seconds(worker)?);
    let ended: Vec<anyhow::Result<Duration>> = stream::iter(0..creations)
        .map(|n| async move { world.create(kind, &format!("{}burst{n}", kind.word())).await })
        .buffer_unordered(width.max(1))
        .collect()
        .await;
    let (seconds, used) = (begin.elapsed().as_secs_f64(), cpu_seconds(worker)? - used);
    let (mut took, mut errors) = (Vec::new(), 0);
    for one in ended {
        match one {
            Ok(one) => took.push(one),
            Err(error) => {
                errors += 1;
                if errors <= SHOWN {
                    println!("failed: {error:#}");
                }
            }
        }
    }
    Ok(Burst {
        creations,
        width,
        errors,
        seconds,
        creations_per_second: took.len() as f64 / seconds,
        p50_ms: percentile(&mut took, 50),
        p99_ms: percentile(&mut took, 99),
        worker_cpu_ms: used * 1e3 / creations.max(1) as f64,
        worker_peak_mb: peak_mb(worker)?,
        worker_after_mb: resident_mb(worker)?,
    })
}
