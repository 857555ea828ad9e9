//! What a refusal costs in time, by its reason, when the answer does not tell the reason (licensing contract, L-06 and section
//! 15, "Timing").

use super::client::{Client, source};
use super::codes::{Keys, mint};
use super::registry::Registry;
use super::service::Service;
use crate::measure::{number, percentile};
use anyhow::ensure;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The reasons, and what makes a code of each.
const REASONS: [(&str, Option<&str>); 5] = [
    ("unknown", None),
    ("malformed", None),
    ("consumed", Some("consumed_at = now()")),
    ("expired", Some("expires_at = now(), created_at = now() - interval '1 day'")),
    ("superseded", Some("revoked_at = now()")),
];

/// Asks with codes of every reason in turns over one connection, each with a text of its own, and tells the medians.
///
/// # Errors
/// An answer is another than `invalid_claim_code`.
pub(crate) async fn compare(registry: &Registry, keys: &Keys, service: &Service) -> anyhow::Result<()> {
    let times = number("BENCH_REFUSALS", 1_000);
    let mut texts = Vec::new();
    for (reason, change) in REASONS {
        texts.push(match change {
            None if reason == "malformed" => (0..times).map(|n| format!("NO CODE! {n:06}")).collect::<Vec<_>>(),
            None => (0..times).map(|_| keys.unknown()).collect(),
            Some(change) => {
                let codes = mint(&registry.admin, keys, times).await?;
                let ids: Vec<String> = codes.iter().map(|code| format!("'{}'", code.id)).collect();
                let ids = ids.join(",");
                registry.execute(&format!("UPDATE claim_codes SET {change} WHERE id IN ({ids})")).await?;
                codes.into_iter().map(|code| code.text).collect()
            }
        });
    }
    registry.execute("VACUUM ANALYZE").await?;
    let mut client = Client::connect(service.address()).await?;
    let from = source(0);
    // The first three of a source are explained; more of them warm the connection.
    for _ in 0..100 {
        client.register(from, &Uuid::new_v4().simple().to_string(), &keys.unknown()).await?;
    }
    let mut took: Vec<Vec<Duration>> = vec![Vec::with_capacity(times); REASONS.len()];
    let mut first = None;
    // Every reason follows every other one.
    let count = REASONS.len();
    let in_turns =
        |round: usize| (0..count).map(move |step| (round, (round * 2 + step * (1 + round % (count - 1))) % count));
    for (round, reason) in (0..times).flat_map(in_turns) {
        let key = Uuid::new_v4().simple().to_string();
        let begin = Instant::now();
        let reply = client.register(from, &key, &texts[reason][round]).await?;
        took[reason].push(begin.elapsed());
        let same = first.get_or_insert_with(|| (reply.status, reply.body.clone()));
        ensure!(*same == (reply.status, reply.body), "{}: another answer", REASONS[reason].0);
    }
    ensure!(first.is_some_and(|(status, _)| status == 400), "an answer other than 400");
    tell(&mut took);
    Ok(())
}

fn tell(took: &mut [Vec<Duration>]) {
    let mut unknown = 0.0;
    for ((reason, _), took) in REASONS.iter().zip(took) {
        let [quarter, median, quarters] = [25, 50, 75].map(|percent| percentile(took, percent) * 1e3);
        if *reason == "unknown" {
            unknown = median;
        }
        println!(
            "uniform refusal, {reason}: median {median:.0} µs, middle half {quarter:.0} to {quarters:.0} µs, {:+.0} µs \
             against unknown, {} answers",
            median - unknown,
            took.len()
        );
    }
}
