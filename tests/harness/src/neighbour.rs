//! A tenant who has nothing to do with any test: live from the start, visited all the time, and never touched.

use crate::domain::Domain;
use crate::oracle::KINDS;
use crate::rig::Rig;
use crate::visitor::{Door, Visitor};
use anyhow::ensure;
use std::collections::BTreeMap;

/// The neighbour, and what its objects were when it went live.
#[derive(Debug)]
pub(crate) struct Neighbour {
    domain: Domain,
    visitor: Visitor,
    objects: BTreeMap<String, String>,
}

impl Rig {
    /// Brings the neighbour live. From now on the oracle asks whether it was left alone.
    ///
    /// # Errors
    /// It does not go live.
    pub async fn settle_neighbour(&self) -> anyhow::Result<()> {
        let domain = self.domain("neighbour").await?;
        domain.go_live(self).await?;
        let visitor = Visitor::send(&Door::of(&self.environment)?, &domain.host);
        let objects = self.versions(&domain).await?;
        ensure!(objects.len() == KINDS.len(), "a live domain owns one object of each kind: {objects:?}");
        ensure!(self.neighbour.set(Neighbour { domain, visitor, objects }).is_ok(), "there is a neighbour already");
        Ok(())
    }

    /// The neighbour was served all the time, and nobody wrote its objects.
    ///
    /// # Errors
    /// It was not, or somebody did.
    pub async fn neighbour_was_left_alone(&self) -> anyhow::Result<()> {
        let Some(neighbour) = self.neighbour.get() else { return Ok(()) };
        neighbour.visitor.was_served().await?;
        let now = self.versions(&neighbour.domain).await?;
        ensure!(now == neighbour.objects, "the neighbour was touched: {:?} became {now:?}", neighbour.objects);
        let row = neighbour.domain.row(self).await?;
        ensure!(row.as_ref().is_some_and(|row| row.status == "active"), "the neighbour is no longer active: {row:?}");
        Ok(())
    }

    /// What changes when somebody writes an object of the domain. cert-manager writes the status of Certificates by itself,
    /// and there the generation counts.
    async fn versions(&self, domain: &Domain) -> anyhow::Result<BTreeMap<String, String>> {
        let selector = format!("portal.alga-psa.com/tenant={}", domain.tenant);
        let mut all = BTreeMap::new();
        for kind in KINDS {
            let json = self.kubectl.run(&["get", kind, "-A", "-l", &selector, "-o", "json"], None).await?;
            let list: serde_json::Value = serde_json::from_str(&json)?;
            for object in list["items"].as_array().into_iter().flatten() {
                let meta = &object["metadata"];
                let by_others = kind.starts_with("certificates.");
                let version = &meta[if by_others { "generation" } else { "resourceVersion" }];
                all.insert(
                    format!("{kind} {}/{}", meta["namespace"], meta["name"]),
                    format!("{} {version}", meta["uid"]),
                );
            }
        }
        Ok(all)
    }
}
