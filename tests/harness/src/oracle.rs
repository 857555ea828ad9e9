//! What must hold after anything: one function, asked at the end of every test.

use crate::domain::Domain;
use crate::rig::Rig;
use anyhow::ensure;
use model::portal::record::Status;
use uuid::Uuid;

/// Kinds that a domain may own.
pub(crate) const KINDS: [&str; 4] =
    ["certificates.cert-manager.io", "gateways.networking.istio.io", "virtualservices.networking.istio.io", "secrets"];

impl Rig {
    /// Checks that the row tells the truth, objects agree with it, and no key is where it must not be.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub async fn oracle(&self, domain: &Domain) -> anyhow::Result<()> {
        self.neighbour_was_left_alone().await?;
        let objects = self.objects(domain).await?;
        let Some(row) = domain.row(self).await? else {
            ensure!(objects.is_empty(), "the row is gone and objects are left: {objects:?}");
            let secrets = self.secrets(domain).await?;
            ensure!(secrets.is_empty(), "the row is gone and Secrets are left: {secrets:?}");
            return Ok(());
        };
        for forbidden in ["{", "}", "portal-domain-", "127.0.0.1", "kubectl", "panicked", "istio-system"] {
            ensure!(!row.message.contains(forbidden), "unsafe for the tenant ({forbidden}): {}", row.message);
        }
        ensure!(row.message.chars().count() <= 1024, "the message is too long");
        ensure!(row.details.len() <= 16 * 1024, "the details are too long");
        if row.status == Status::Active.as_str() {
            let explained = domain.explain(self).await?;
            let serving = explained.status.as_ref().is_some_and(|status| status.serving_now);
            ensure!(serving, "active without a good probe: {explained:?}");
            let kinds: Vec<&str> = objects.iter().map(|object| object.split(' ').next().unwrap_or_default()).collect();
            for kind in KINDS {
                ensure!(kinds.contains(&kind), "active without {kind}: {objects:?}");
            }
        }
        self.no_key_outside_its_secret(domain).await
    }

    /// Objects that carry the tenant's label, also those of an earlier row, as `kind namespace/name`.
    ///
    /// # Errors
    /// kubectl failed.
    pub async fn objects(&self, domain: &Domain) -> anyhow::Result<Vec<String>> {
        self.labelled(&format!("portal.alga-psa.com/tenant={}", domain.tenant)).await
    }

    /// Objects that carry the label of one row.
    ///
    /// # Errors
    /// kubectl failed.
    pub async fn objects_of_domain(&self, id: Uuid) -> anyhow::Result<Vec<String>> {
        self.labelled(&format!("portal.alga-psa.com/domain-id={id}")).await
    }

    async fn labelled(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let mut all = Vec::new();
        for kind in KINDS {
            for object in self.kubectl.labelled(kind, selector).await? {
                all.push(format!("{kind} {object}"));
            }
        }
        Ok(all)
    }

    /// Secrets that carry the domain's name, labelled or not, as `namespace/name`: cert-manager labels none of its own.
    ///
    /// # Errors
    /// kubectl failed.
    pub async fn secrets(&self, domain: &Domain) -> anyhow::Result<Vec<String>> {
        let template = r#"{range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}"#;
        let names = self.kubectl.run(&["get", "secrets", "-A", "-o", &format!("jsonpath={template}")], None).await?;
        let name = format!("/portal-domain-{}", domain.id);
        Ok(names.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect())
    }

    /// Nothing that a person or a history reads holds a private key.
    async fn no_key_outside_its_secret(&self, domain: &Domain) -> anyhow::Result<()> {
        let row = domain.row(self).await?.map(|row| row.details).unwrap_or_default();
        let explained = serde_json::to_string(&domain.explain(self).await?)?;
        for text in [row, explained] {
            ensure!(!text.contains("PRIVATE KEY"), "a key is where it must not be");
        }
        let selector = format!("portal.alga-psa.com/tenant={}", domain.tenant);
        for kind in &KINDS[..3] {
            let json = self.kubectl.run(&["get", kind, "-A", "-l", &selector, "-o", "yaml"], None).await?;
            ensure!(!json.contains("PRIVATE KEY") && !json.contains("tls.key:"), "a key in a {kind}");
        }
        Ok(())
    }
}
