//! Other domains: copies of a live one's objects and rows under other ids and hosts.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use harness::{Domain, Rig};
use kube::api::{Api, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// What a live domain has in the cluster: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 6] = [
    ("", "v1", "Secret", "secrets"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
    ("cert-manager.io", "v1", "CertificateRequest", "certificaterequests"),
    ("acme.cert-manager.io", "v1", "Order", "orders"),
    ("networking.istio.io", "v1", "Gateway", "gateways"),
    ("networking.istio.io", "v1", "VirtualService", "virtualservices"),
];
/// Creates that are under way at once.
const AT_ONCE: usize = 24;

/// Rows of seeds `$2..=$3`, made from the rows of tenant `$1` whose row id is `$4`.
const ROWS: [&str; 6] = [
    "INSERT INTO tenants (tenant, client_name, email) SELECT pg_temp.tenant(n), 'Seed', 'seed@example.org' \
     FROM generate_series($2::bigint, $3::bigint) n WHERE $1::uuid IS NOT NULL AND $4::text <> ''",
    "INSERT INTO portal_domains (id, tenant, domain, canonical_host, status, status_message, last_checked_at, \
     verification_details, certificate_secret_name, updated_at) \
     SELECT pg_temp.id(n), pg_temp.tenant(n), pg_temp.host(n), 'c-' || pg_temp.host(n), status, status_message, \
     last_checked_at, verification_details, replace(certificate_secret_name, $4, pg_temp.id(n)::text), updated_at \
     FROM portal_domains, generate_series($2::bigint, $3::bigint) n WHERE tenant = $1",
    "INSERT INTO tenantry.claims (tenant, portal_domain_id, host, canonical_host, accepted_targets, generation, fence, \
     ownership_token, own_target, probe_nonce, opened_at, proven_at, proof_method, row_seen_at, row_version, \
     fingerprint_sha256) SELECT pg_temp.tenant(n), pg_temp.id(n), pg_temp.host(n), 'c-' || pg_temp.host(n), \
     accepted_targets, generation, nextval('tenantry.fence'), ownership_token || n, n || '-' || own_target, \
     probe_nonce || n, opened_at, proven_at, proof_method, row_seen_at, row_version, fingerprint_sha256 \
     FROM tenantry.claims, generate_series($2::bigint, $3::bigint) n WHERE tenant = $1 AND $4::text <> ''",
    "INSERT INTO tenantry.claim_generations (tenant, generation, portal_domain_id, claim_id, host, canonical_host, \
     accepted_targets, fence, probe_nonce, opened_at) SELECT tenant, generation, portal_domain_id, claim_id, host, \
     canonical_host, accepted_targets, fence, probe_nonce, opened_at FROM tenantry.claims \
     WHERE $1::uuid IS NOT NULL AND $4::text <> '' AND tenant IN \
     (SELECT pg_temp.tenant(n) FROM generate_series($2::bigint, $3::bigint) n)",
    "INSERT INTO tenantry.observations (tenant, portal_domain_id, axis, generation, state, reason, body, at) \
     SELECT pg_temp.tenant(n), pg_temp.id(n), axis, generation, state, reason, body, at \
     FROM tenantry.observations, generate_series($2::bigint, $3::bigint) n WHERE tenant = $1 AND $4::text <> ''",
    "INSERT INTO tenantry.inventory (tenant, portal_domain_id, generation, kind, namespace, name, host, fence, \
     recorded_at) SELECT pg_temp.tenant(n), pg_temp.id(n), generation, kind, namespace, \
     replace(name, $4, pg_temp.id(n)::text), pg_temp.host(n), fence, recorded_at \
     FROM tenantry.inventory, generate_series($2::bigint, $3::bigint) n WHERE tenant = $1",
];

/// Names of a seed, in SQL as in [`Seeds::object`].
const NAMES: [&str; 3] = [
    "CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS \
     $$ SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid $$",
    "CREATE FUNCTION pg_temp.tenant(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS \
     $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$",
    "CREATE FUNCTION pg_temp.host(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS \
     $$ SELECT 'seed-' || n || '.seeds.example' $$",
];

/// Makes seeds.
pub(crate) struct Seeds {
    cluster: kube::Client,
    template: Domain,
    objects: Vec<(usize, DynamicObject)>,
    made: i64,
}

impl Seeds {
    /// Takes a live domain as the pattern.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub(crate) async fn of(rig: &Rig, template: &Domain) -> anyhow::Result<Self> {
        let path = rig.environment.get("KUBECONFIG_ADMIN").context("no cluster")?;
        let file = Kubeconfig::read_from(path)?;
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let cluster = kube::Client::try_from(config)?;
        let mut objects = Vec::new();
        for index in 0..KINDS.len() {
            let all: Api<DynamicObject> = Api::all_with(cluster.clone(), &resource(index));
            let found = all.list(&kube::api::ListParams::default()).await?;
            let id = template.id.to_string();
            let own = found.items.into_iter().filter(|o| o.metadata.name.as_ref().is_some_and(|n| n.contains(&id)));
            objects.extend(own.map(|object| (index, object)));
        }
        anyhow::ensure!(objects.len() >= KINDS.len(), "the live domain has only {} objects", objects.len());
        Ok(Self { cluster, template: template.clone(), objects, made: 0 })
    }

    /// Makes what is missing up to `size` domains.
    ///
    /// # Errors
    /// The database or the cluster refused.
    pub(crate) async fn up_to(&mut self, rig: &Rig, size: i64) -> anyhow::Result<()> {
        let first = self.made + 1;
        self.rows(rig, first, size).await?;
        let this = &*self;
        let work = (first..=size).flat_map(|n| this.objects.iter().map(move |(index, object)| (n, *index, object)));
        let creates = stream::iter(work).map(|(n, index, object)| this.create(n, index, object));
        creates.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        self.made = size;
        Ok(())
    }

    async fn rows(&self, rig: &Rig, first: i64, last: i64) -> anyhow::Result<()> {
        let mut connection = rig.database.acquire().await?;
        for function in NAMES {
            // From an earlier call on the same connection they may be there already.
            let _ = sqlx::query(function).execute(&mut *connection).await;
        }
        for statement in ROWS {
            let made = sqlx::query(statement)
                .bind(self.template.tenant)
                .bind(first)
                .bind(last)
                .bind(self.template.id.to_string())
                .execute(&mut *connection)
                .await
                .with_context(|| statement.to_owned())?;
            anyhow::ensure!(made.rows_affected() > 0, "no row was made by {statement}");
        }
        sqlx::query("ANALYZE").execute(&mut *connection).await?;
        Ok(())
    }

    async fn create(&self, n: i64, index: usize, object: &DynamicObject) -> anyhow::Result<()> {
        let object = self.object(n, object)?;
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let api: Api<DynamicObject> = Api::namespaced_with(self.cluster.clone(), &namespace, &resource(index));
        api.create(&PostParams::default(), &object).await.with_context(|| format!("{} {n}", KINDS[index].2))?;
        Ok(())
    }

    fn object(&self, n: i64, object: &DynamicObject) -> anyhow::Result<DynamicObject> {
        let mut text = serde_json::to_value(object)?;
        if let Some(all) = text.as_object_mut() {
            all.remove("status");
        }
        if let Some(metadata) = text.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations"));
        }
        let text = text
            .to_string()
            .replace(&self.template.id.to_string(), &format!("00000000-0000-4000-9000-{n:012}"))
            .replace(&self.template.tenant.to_string(), &format!("00000000-0000-4000-8000-{n:012}"))
            .replace(&self.template.host, &format!("seed-{n}.seeds.example"));
        Ok(serde_json::from_str(&text)?)
    }
}

fn resource(index: usize) -> ApiResource {
    let (group, version, kind, plural) = KINDS[index];
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
