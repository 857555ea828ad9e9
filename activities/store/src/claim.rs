//! The worker's own record of who may be served on a host: opening, advancing and closing claims.

use crate::db::{Record, bigint, micros};
use crate::error::StoreError;
use crate::history::{self, Entry};
use crate::{Settings, sql, token};
use model::portal::hostname::Hostname;
use model::portal::network::plain;
use model::portal::schedule::CLAIM_LIFE_MS;
use proto::v1 as wire;
use sqlx::PgConnection;
use uuid::Uuid;

/// One row of `tenantry.claims`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) claim_id: i64,
    pub(crate) portal_domain_id: Uuid,
    pub(crate) host: String,
    pub(crate) canonical_host: String,
    pub(crate) accepted_targets: Vec<String>,
    pub(crate) generation: u64,
    pub(crate) fence: u64,
    pub(crate) ownership_token: String,
    pub(crate) own_target: String,
    pub(crate) probe_nonce: String,
    pub(crate) opened_ms: i64,
    pub(crate) proven_ms: i64,
    pub(crate) proof_method: String,
}

impl Claim {
    pub(crate) fn read(record: &Record) -> Result<Self, StoreError> {
        Ok(Self {
            claim_id: record.field("claim_id")?,
            portal_domain_id: record.field("portal_domain_id")?,
            host: record.field("host")?,
            canonical_host: record.field("canonical_host")?,
            accepted_targets: record.field("accepted_targets")?,
            generation: record.count("generation")?,
            fence: record.count("fence")?,
            ownership_token: record.field("ownership_token")?,
            own_target: record.field("own_target")?,
            probe_nonce: record.field("probe_nonce")?,
            opened_ms: record.millis("opened_us")?,
            proven_ms: record.millis("proven_us")?,
            proof_method: record.field("proof_method")?,
        })
    }

    pub(crate) fn to_wire(&self, tenant: Uuid, contended: bool) -> wire::Claim {
        wire::Claim {
            tenant_id: tenant.to_string(),
            portal_domain_id: self.portal_domain_id.to_string(),
            host: self.host.clone(),
            generation: self.generation,
            fence: self.fence,
            ownership_token: self.ownership_token.clone(),
            own_target: self.own_target.clone(),
            probe_nonce: self.probe_nonce.clone(),
            opened_ms: self.opened_ms,
            proven_ms: self.proven_ms,
            proof_method: self.proof_method.clone(),
            contended,
        }
    }
}

/// What the row asks for: the part of it that a generation is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) host: String,
    pub(crate) canonical_host: String,
    /// Without the claim's own target. Sorted, each once.
    pub(crate) accepted_targets: Vec<String>,
}

impl Asked {
    /// A host that cannot be read as a host name is claimed as it is spelled: the claim grants nothing by itself, and the
    /// policy finding refuses it.
    pub(crate) fn of(domain: &str, canonical_host: &str, expected_cname: &str) -> Self {
        let host = Hostname::parse(domain).map_or_else(|_| plain(domain), |host| host.as_str().to_owned());
        let canonical_host = plain(canonical_host);
        let mut accepted_targets = vec![canonical_host.clone(), plain(expected_cname)];
        accepted_targets.retain(|target| !target.is_empty());
        accepted_targets.sort_unstable();
        accepted_targets.dedup();
        Self { host, canonical_host, accepted_targets }
    }
}

/// What has to happen to the open claim of a domain before it says what the row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It says so already.
    Keep,
    /// Same host, other targets: the claim goes on with its next generation.
    Generation,
    /// Another host, or no claim yet.
    Open,
}

/// Compares the open claim with the row. A disabled row asks for nothing new.
pub(crate) fn advance(open: Option<&Claim>, asked: &Asked, disabled: bool) -> Advance {
    match open {
        None => Advance::Open,
        Some(_) if disabled => Advance::Keep,
        Some(claim) if claim.host != asked.host => Advance::Open,
        Some(claim) if claim.accepted_targets != asked.accepted_targets => Advance::Generation,
        Some(_) => Advance::Keep,
    }
}

/// The domain whose claim is worked on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Domain<'a> {
    pub(crate) tenant: Uuid,
    pub(crate) id: Uuid,
    pub(crate) status: &'a str,
    /// Version of the row, Unix microseconds; -1 for NULL.
    pub(crate) row_version: i64,
    pub(crate) now_ms: i64,
}

/// Makes the claim say what the row says, notes that the row was seen, and returns the claim. The caller holds the tenant's
/// turn.
pub(crate) async fn follow(
    conn: &mut PgConnection,
    settings: &Settings,
    domain: Domain<'_>,
    asked: &Asked,
) -> Result<Claim, StoreError> {
    let mut open = Vec::new();
    for record in sql::OPEN_CLAIMS.bind(domain.tenant).all(conn).await? {
        open.push(Claim::read(&record)?);
    }
    let mine = open.iter().find(|claim| claim.portal_domain_id == domain.id);
    let step = advance(mine, asked, domain.status == "disabled");
    let claim = match (step, mine) {
        (Advance::Keep, Some(claim)) => resume(conn, domain, claim.clone()).await?,
        (Advance::Generation, Some(claim)) => next_generation(conn, settings, domain, asked, claim.clone()).await?,
        (Advance::Open | Advance::Keep | Advance::Generation, _) => {
            open_claim(conn, settings, domain, asked, mine).await?
        }
    };
    if step != Advance::Open {
        let (now, version) = (micros(domain.now_ms), domain.row_version);
        sql::MARK_SEEN.bind(domain.tenant).bind(domain.id).bind(now).bind(version).execute(conn).await?;
    }
    for stale in open.iter().filter(|claim| claim.portal_domain_id != domain.id) {
        close(conn, domain.tenant, stale.portal_domain_id, "replaced", domain.now_ms).await?;
    }
    Ok(claim)
}

/// Closes the open claim of one domain.
pub(crate) async fn close(
    conn: &mut PgConnection,
    tenant: Uuid,
    id: Uuid,
    reason: &'static str,
    now_ms: i64,
) -> Result<u64, StoreError> {
    sql::CLOSE_CLAIM.bind(tenant).bind(id).bind(micros(now_ms)).bind(reason).execute(conn).await
}

/// Retry resumes an expired claim: the application wrote `pending_dns` over it, so its 14 days start anew.
async fn resume(conn: &mut PgConnection, domain: Domain<'_>, mut claim: Claim) -> Result<Claim, StoreError> {
    let expired = domain.now_ms - claim.opened_ms.max(claim.proven_ms) >= CLAIM_LIFE_MS;
    if expired && domain.status == "pending_dns" {
        sql::RESUME_CLAIM.bind(domain.tenant).bind(domain.id).bind(micros(domain.now_ms)).execute(conn).await?;
        claim.opened_ms = domain.now_ms;
    }
    Ok(claim)
}

async fn next_generation(
    conn: &mut PgConnection,
    settings: &Settings,
    domain: Domain<'_>,
    asked: &Asked,
    mut claim: Claim,
) -> Result<Claim, StoreError> {
    let next = sql::NEXT_GENERATION.bind(domain.tenant).bind(&asked.host).one(conn).await?;
    claim.generation = next.count("generation")?;
    claim.fence = next.count("fence")?;
    claim.canonical_host.clone_from(&asked.canonical_host);
    claim.accepted_targets.clone_from(&asked.accepted_targets);
    claim.probe_nonce = token::token(&mut rand::rng());
    if claim.own_target.is_empty() {
        claim.own_target = token::own_target(&mut rand::rng(), &asked.canonical_host);
    }
    sql::ADVANCE_CLAIM
        .bind(domain.tenant)
        .bind(domain.id)
        .bind(claim.claim_id)
        .bind(&claim.canonical_host)
        .bind(&claim.accepted_targets)
        .bind(bigint(claim.generation))
        .bind(bigint(claim.fence))
        .bind(&claim.own_target)
        .bind(&claim.probe_nonce)
        .execute(conn)
        .await?;
    record_generation(conn, settings, domain, &claim).await?;
    Ok(claim)
}

/// Opens a claim, before anything is checked. A row that is `active` although neither this tenant nor this host ever had a
/// claim was made by the earlier worker: it is adopted as proven (domain-health contract, section 6, row "Adoption").
async fn open_claim(
    conn: &mut PgConnection,
    settings: &Settings,
    domain: Domain<'_>,
    asked: &Asked,
    replaced: Option<&Claim>,
) -> Result<Claim, StoreError> {
    let next = sql::NEXT_GENERATION.bind(domain.tenant).bind(&asked.host).one(conn).await?;
    let inherited = |column| next.field::<Option<String>>(column);
    let ownership_token = inherited("ownership_token")?.unwrap_or_else(|| token::token(&mut rand::rng()));
    let own_target = inherited("own_target")?;
    let own_target = own_target.unwrap_or_else(|| token::own_target(&mut rand::rng(), &asked.canonical_host));
    if replaced.is_some() {
        close(conn, domain.tenant, domain.id, "renamed", domain.now_ms).await?;
    }
    let adopted = domain.status == "active" && !next.field::<bool>("known")?;
    let mut claim = Claim {
        claim_id: 0,
        portal_domain_id: domain.id,
        host: asked.host.clone(),
        canonical_host: asked.canonical_host.clone(),
        accepted_targets: asked.accepted_targets.clone(),
        generation: next.count("generation")?,
        fence: next.count("fence")?,
        ownership_token,
        own_target,
        probe_nonce: token::token(&mut rand::rng()),
        opened_ms: domain.now_ms,
        proven_ms: if adopted { domain.now_ms } else { 0 },
        proof_method: if adopted { "adoption".to_owned() } else { String::new() },
    };
    let opened = sql::OPEN_CLAIM
        .bind(domain.tenant)
        .bind(domain.id)
        .bind(&claim.host)
        .bind(&claim.canonical_host)
        .bind(&claim.accepted_targets)
        .bind(bigint(claim.generation))
        .bind(bigint(claim.fence))
        .bind(&claim.ownership_token)
        .bind(&claim.own_target)
        .bind(&claim.probe_nonce)
        .bind(micros(claim.opened_ms))
        .bind(if adopted { micros(claim.proven_ms) } else { -1 })
        .bind(&claim.proof_method)
        .bind(domain.row_version)
        .bind(domain.status)
        .bind(settings.run.worker_build.as_str())
        .one(conn)
        .await?;
    claim.claim_id = opened.field("claim_id")?;
    Ok(claim)
}

/// Records the next generation of a claim that goes on.
async fn record_generation(
    conn: &mut PgConnection,
    settings: &Settings,
    domain: Domain<'_>,
    claim: &Claim,
) -> Result<(), StoreError> {
    sql::INSERT_GENERATION
        .bind(domain.tenant)
        .bind(domain.id)
        .bind(claim.claim_id)
        .bind(bigint(claim.generation))
        .bind(bigint(claim.fence))
        .bind(&claim.host)
        .bind(&claim.canonical_host)
        .bind(&claim.accepted_targets)
        .bind(&claim.probe_nonce)
        .bind(micros(domain.now_ms))
        .execute(conn)
        .await?;
    let entry = Entry {
        tenant: domain.tenant,
        id: domain.id,
        at_ms: domain.now_ms,
        event: "generation",
        host: &claim.host,
        status: domain.status,
        reason: "",
        message: "",
        generation: claim.generation,
    };
    history::append(conn, settings, entry, history::Repeat::Keep).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(host: &str, targets: &[&str]) -> Claim {
        Claim {
            claim_id: 1,
            portal_domain_id: Uuid::nil(),
            host: host.to_owned(),
            canonical_host: String::new(),
            accepted_targets: targets.iter().map(|&t| t.to_owned()).collect(),
            generation: 1,
            fence: 1,
            ownership_token: String::new(),
            own_target: String::new(),
            probe_nonce: String::new(),
            opened_ms: 0,
            proven_ms: 0,
            proof_method: String::new(),
        }
    }

    #[track_caller]
    fn check(open: Option<&Claim>, asked: &Asked, disabled: bool, expected: Advance) {
        assert_eq!(advance(open, asked, disabled), expected);
    }

    #[test]
    fn a_generation_is_host_and_targets() {
        let asked = Asked::of(" Portal.Customer.Example. ", "abc.portal.psa.example", "ABC.portal.psa.example.");
        assert_eq!(asked.host, "portal.customer.example");
        assert_eq!(asked.accepted_targets, ["abc.portal.psa.example"]);
        let same = claim("portal.customer.example", &["abc.portal.psa.example"]);
        check(None, &asked, false, Advance::Open);
        check(None, &asked, true, Advance::Open);
        check(Some(&same), &asked, false, Advance::Keep);
        check(Some(&claim("other.example", &["abc.portal.psa.example"])), &asked, false, Advance::Open);
        check(Some(&claim("portal.customer.example", &["x"])), &asked, false, Advance::Generation);
        check(Some(&claim("other.example", &["x"])), &asked, true, Advance::Keep);
    }

    #[test]
    fn an_unreadable_host_is_claimed_as_spelled() {
        assert_eq!(Asked::of("a..B.com", "c.portal.x.y", "").host, "a..b.com");
    }
}
