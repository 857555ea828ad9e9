//! How many domains stand where, as metrics: counted in the database once a minute, so that every replica says the same.

use prometheus::{GaugeVec, IntGauge, Opts, Registry};
use sqlx::PgPool;
use std::time::Duration;
use store::tenant::{TenantError, TenantSettings, TenantStore};

/// Between two counts.
const COUNT_EVERY: Duration = Duration::from_secs(60);

/// Gauges of the fleet. Labels are closed sets: statuses, axes, reason codes.
#[derive(Clone)]
pub(crate) struct FleetGauges {
    statuses: GaugeVec,
    reasons: GaugeVec,
    held: IntGauge,
    creations: GaugeVec,
}

impl FleetGauges {
    /// Registers the gauges.
    ///
    /// # Errors
    /// A name was registered twice.
    pub(crate) fn register(registry: &Registry) -> anyhow::Result<Self> {
        let statuses = GaugeVec::new(
            Opts::new("tenantry_portal_domains", "Portal domains by status, counted once a minute."),
            &["status"],
        )?;
        let reasons = GaugeVec::new(
            Opts::new(
                "tenantry_portal_domain_findings",
                "Portal domains by axis and reason of what is not good. docs/reasons says what each asks for.",
            ),
            &["axis", "reason"],
        )?;
        let held = IntGauge::new(
            "tenantry_removals_held",
            "1 while all removals wait because rows vanished in a wave. Act when 1: `tenantry domain removals`.",
        )?;
        let creations = GaugeVec::new(
            Opts::new(
                "tenantry_creations",
                "Creations of tenants by state and the step that waits. Act when state=repair is above 0: `tenantry tenant list \
                 --state repair`.",
            ),
            &["state", "step"],
        )?;
        registry.register(Box::new(creations.clone()))?;
        registry.register(Box::new(statuses.clone()))?;
        registry.register(Box::new(reasons.clone()))?;
        registry.register(Box::new(held.clone()))?;
        Ok(Self { statuses, reasons, held, creations })
    }

    /// Counts for the life of the process. While the database is away the last counts stand.
    pub(crate) fn watch(self, pool: PgPool) {
        tokio::spawn(async move {
            loop {
                match counts(&pool).await {
                    Ok((census, held, creations)) => {
                        self.set(&census, held);
                        self.set_creations(&creations);
                    }
                    Err(error) => tracing::debug!(%error, "could not count the domains"),
                }
                tokio::time::sleep(COUNT_EVERY).await;
            }
        });
    }

    fn set(&self, census: &store::Census, held: bool) {
        self.statuses.reset();
        for (status, domains) in &census.statuses {
            self.statuses.with_label_values(&[status]).set(*domains as f64);
        }
        self.reasons.reset();
        for (axis, reason, domains) in &census.reasons {
            self.reasons.with_label_values(&[axis, reason]).set(*domains as f64);
        }
        self.held.set(i64::from(held));
    }

    /// A state without creations is 0, so that an alarm sees it end.
    fn set_creations(&self, counts: &[(String, String, i64)]) {
        self.creations.reset();
        for state in ["open", "repair"] {
            self.creations.with_label_values(&[state, ""]).set(0.0);
        }
        for (state, step, creations) in counts {
            self.creations.with_label_values(&[state, step]).set(*creations as f64);
        }
    }
}

type Counts = (store::Census, bool, Vec<(String, String, i64)>);

async fn counts(pool: &PgPool) -> Result<Counts, TenantError> {
    let census = store::census(pool).await?;
    let held = store::removal_holds(pool, 1).await?.iter().any(|hold| hold.released_us < 0);
    let creations = TenantStore::new(pool.clone(), TenantSettings::default()).counts().await?;
    Ok((census, held, creations))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{Encoder as _, TextEncoder};

    #[test]
    fn a_count_replaces_the_one_before() {
        let registry = Registry::new();
        let gauges = FleetGauges::register(&registry).expect("registered");
        let census = |status: &str, reason: &str| store::Census {
            statuses: vec![(status.to_owned(), 3)],
            reasons: vec![("dns".to_owned(), reason.to_owned(), 2)],
        };
        gauges.set(&census("active", "DNS_NO_RECORDS"), true);
        gauges.set(&census("deploying", "DNS_SERVFAIL"), false);
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).expect("text");
        let text = String::from_utf8(text).expect("utf-8");
        assert!(text.contains("tenantry_portal_domains{status=\"deploying\"} 3"), "{text}");
        assert!(text.contains("tenantry_portal_domain_findings{axis=\"dns\",reason=\"DNS_SERVFAIL\"} 2"), "{text}");
        gauges.set_creations(&[("repair".to_owned(), "creating_admin_user".to_owned(), 2)]);
        let mut creations = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut creations).expect("text");
        let creations = String::from_utf8(creations).expect("utf-8");
        let line = "tenantry_creations{state=\"repair\",step=\"creating_admin_user\"} 2";
        assert!(creations.contains(line), "{creations}");
        assert!(text.contains("tenantry_removals_held 0") && !text.contains("\"active\""), "{text}");
    }
}
