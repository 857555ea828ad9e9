//! Keys of the service, and codes that are there before the load.

use anyhow::Context as _;
use license::codes::CodeKeys;
use license::key_ring::KeyRing;
use model::license::install_code::CodeLength;
use sqlx::PgPool;
use std::sync::Arc;
use uuid::Uuid;

const TENANTS: &str = "INSERT INTO tenant_registry (tenant_id, edition, company_name, contact_email) \
    SELECT id, CASE WHEN paid THEN 'pro' ELSE 'essentials' END, 'Acme Managed Services GmbH', 'it@acme.example' \
    FROM unnest($1::uuid[], $2::bool[]) AS t (id, paid)";
const ENTITLEMENTS: &str = "INSERT INTO entitlements (id, stripe_sub_id, tenant_id, customer, tier, seats, transport) \
    SELECT id, 'sub_' || id, id, 'Acme Managed Services GmbH', 'pro', 25, 'connected' \
    FROM unnest($1::uuid[], $2::bool[]) AS t (id, paid) WHERE paid";
const CODES: &str = "INSERT INTO claim_codes (id, code_hash, hash_key_id, mint_key_id, entitlement_id, tenant_id, origin, expires_at) \
    SELECT id, hash, $4, $5, CASE WHEN paid THEN id END, id, 'registration', now() + interval '1 day' \
    FROM unnest($1::uuid[], $2::bool[], $3::bytea[]) AS t (id, paid, hash)";

/// Keys of one run, as the files of the service hold them.
pub(crate) struct Keys {
    /// The keys that make codes.
    pub(crate) mint: String,
    /// The keys that find them.
    pub(crate) lookup: String,
    /// The keys that seal answers.
    pub(crate) sealing: String,
    codes: CodeKeys,
}

impl Keys {
    /// Draws them.
    ///
    /// # Errors
    /// None that a random key has.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        let (mint, lookup) = (line("m1"), line("l1"));
        let ring = |text: &str| Ok::<_, anyhow::Error>(Arc::new(KeyRing::parse(text).context("a drawn key")?));
        let codes = CodeKeys::new(ring(&mint)?, ring(&lookup)?);
        Ok(Self { mint, lookup, sealing: line("hash") + &line("s1"), codes })
    }

    /// A code that no row has.
    pub(crate) fn unknown(&self) -> String {
        self.codes.mint(Uuid::new_v4(), CodeLength::default(), 0).expose().to_owned()
    }
}

fn line(id: &str) -> String {
    let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    format!("{id} {}\n", data_encoding::BASE64.encode(&bytes))
}

/// A code as a customer has it; tenant, entitlement and code have one id.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    /// Id of its row.
    pub(crate) id: Uuid,
    /// What is typed.
    pub(crate) text: String,
    /// Whether it brings a licence.
    pub(crate) paid: bool,
}

/// Mints codes, every second one paid, each with a tenant of its own.
///
/// # Errors
/// The database refused.
pub(crate) async fn mint(admin: &PgPool, keys: &Keys, count: usize) -> anyhow::Result<Vec<Code>> {
    let codes: Vec<Code> = (0..count)
        .map(|n| {
            let id = Uuid::new_v4();
            let code = keys.codes.mint(id, CodeLength::default(), 0);
            Code { id, text: code.expose().to_owned(), paid: n % 2 == 0 }
        })
        .collect();
    let ids: Vec<Uuid> = codes.iter().map(|code| code.id).collect();
    let paid: Vec<bool> = codes.iter().map(|code| code.paid).collect();
    let hash = |code: &Code| {
        let code = keys.codes.mint(code.id, CodeLength::default(), 0);
        keys.codes.stored_hash(&code).hash.to_vec()
    };
    let hashes: Vec<Vec<u8>> = codes.iter().map(hash).collect();
    let mut tx = admin.begin().await?;
    for text in [TENANTS, ENTITLEMENTS] {
        sqlx::query(text).bind(&ids).bind(&paid).execute(&mut *tx).await?;
    }
    sqlx::query(CODES).bind(&ids).bind(&paid).bind(&hashes).bind("l1").bind("m1").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(codes)
}
