//! Attempts to use a code: counted before the code is looked up, given back when it was redeemed (licensing contract, L-05).

use crate::db::{DbError, During as _};
use crate::limits::Source;
use model::license::budget::{BUCKETS, BudgetRules, Level, Reservation};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgPool, Postgres, Row as _};

const RESERVE: &str = include_str!("../limits/reserve.sql");
pub(super) const RELEASE: &str = include_str!("../limits/release.sql");
/// Buckets that no window reaches any more. A source that succeeded is remembered for a quarter of a year: while all sources
/// together fail too often, only such sources are served.
const SWEEP: &str = "DELETE FROM redeem_attempts WHERE window_start < now() - CASE WHEN succeeded_at IS NULL \
                     THEN make_interval(secs => $1) ELSE interval '90 days' END";

/// An attempt that is counted: its rows, from the narrowest to the widest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    scopes: Vec<&'static str>,
    sources: Vec<String>,
    buckets: Vec<i64>,
}

impl Counted {
    fn add(&mut self, scope: &'static str, source: &str, bucket: i64) {
        self.scopes.push(scope);
        self.sources.push(source.to_owned());
        self.buckets.push(bucket);
    }

    fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The scopes, sources and buckets as the parameters of the release.
    pub(super) fn columns(&self) -> (&[&'static str], &[String], &[i64]) {
        (&self.scopes, &self.sources, &self.buckets)
    }
}

/// Counts an attempt at every level that has room. One statement, and a transaction of its own: the count holds whatever
/// becomes of the request.
///
/// # Errors
/// [`DbError`].
pub async fn reserve(pool: &PgPool, source: &Source, rules: &BudgetRules) -> Result<(Reservation, Counted), DbError> {
    let mut query =
        sqlx::query(RESERVE).bind(&source.address).bind(&source.network).bind(&source.region).bind(&source.shard);
    for budget in [rules.source, rules.source_under_attack, rules.network, rules.region, rules.alert] {
        query = query.bind(int(budget.attempts.get())).bind(int(budget.window_seconds.get()));
    }
    let row = query.bind(int(rules.cap.get())).bind(int(BUCKETS)).fetch_one(pool).await.during("count an attempt")?;
    reservation(&row, source).during("read the count of attempts")
}

fn reservation(row: &PgRow, source: &Source) -> Result<(Reservation, Counted), sqlx::Error> {
    let total: i64 = row.try_get("total")?;
    let reservation = Reservation {
        source: level(row, ["source_refused", "source_attempts", "source_refusals"])?,
        network: level(row, ["network_refused", "network_attempts", "network_refusals"])?,
        region: level(row, ["region_refused", "region_attempts", "region_refusals"])?,
        total: u64::try_from(total).unwrap_or_default(),
    };
    let mut counted = Counted::default();
    let levels = [
        ("source", &source.address, "source_bucket", reservation.source),
        ("network", &source.network, "network_bucket", reservation.network),
        ("region", &source.region, "region_bucket", reservation.region),
        // All sources together are counted when the region is.
        ("total", &source.shard, "total_bucket", reservation.region),
    ];
    for (scope, name, bucket, level) in levels {
        match level {
            Level::Counted { .. } => counted.add(scope, name, row.try_get(bucket)?),
            Level::Refused { .. } | Level::NotAsked => {}
        }
    }
    Ok((reservation, counted))
}

fn level(row: &PgRow, [refused, attempts, refusals]: [&str; 3]) -> Result<Level, sqlx::Error> {
    let count = |column: &str| row.try_get::<i32, _>(column).map(|count| u32::try_from(count).unwrap_or_default());
    match row.try_get::<Option<bool>, _>(refused)? {
        None => Ok(Level::NotAsked),
        Some(true) => Ok(Level::Refused { refusals: count(refusals)? }),
        Some(false) => Ok(Level::Counted { attempts: count(attempts)? }),
    }
}

/// What becomes of a counted attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The source redeemed a code, which is remembered.
    Succeeded,
    /// Nobody guessed: the answer was given before, the budget of a wider network was used up, or the service failed.
    Excused,
}

pub(super) fn release<'a>(counted: &'a Counted, ended: Ended) -> Query<'a, Postgres, PgArguments> {
    let (scopes, sources, buckets) = counted.columns();
    sqlx::query(RELEASE).bind(scopes).bind(sources).bind(buckets).bind(ended == Ended::Succeeded)
}

/// Gives an attempt back that was no guess.
///
/// # Errors
/// [`DbError`]. The attempt then stays counted until its window ends.
pub async fn excuse(pool: &PgPool, counted: &Counted) -> Result<(), DbError> {
    if !counted.is_empty() {
        release(counted, Ended::Excused).execute(pool).await.during("give an attempt back")?;
    }
    Ok(())
}

/// Forgets what no window reaches any more. Returns the number of rows.
///
/// # Errors
/// [`DbError`].
pub async fn sweep(pool: &PgPool, rules: &BudgetRules) -> Result<u64, DbError> {
    let budgets = [rules.source, rules.source_under_attack, rules.network, rules.region, rules.alert];
    let longest = budgets.iter().map(|budget| budget.window_seconds.get()).max().unwrap_or_default();
    // A bucket is read until one window has passed since its end.
    let kept = i64::from(longest) * 2;
    let done = sqlx::query(SWEEP).bind(kept as f64).execute(pool).await.during("forget old attempts")?;
    Ok(done.rows_affected())
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
