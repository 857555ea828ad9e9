//! `POST /register-tenant`.

use super::answer::{Given, answer, download_url};
use crate::body::Body;
use crate::db::DbError;
use crate::error_code::ErrorCode;
use crate::idempotency::{Keyed, Stored};
use crate::idempotency_key::OptionalKey;
use crate::problem::{Problem, ProblemBody};
use crate::random::row_id;
use crate::registration::{self, Linkage, Registration};
use crate::registry::audit::{Action, Entry, record, record_codes};
use crate::registry::codes::{self, CodeRecord, NewCode, Origin};
use crate::registry::entitlements::{self, Paid};
use crate::registry::tenants::{NewTenant, create_registry_tenant, lock_tenant, set_stripe_customer};
use crate::secrets::Caller;
use crate::state::AppState;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::license::edition::{Edition, Tier, Transport};
use model::license::wire::register_tenant::{RegisterTenantAnswer, RegisterTenantRequest};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

const ROUTE: &str = "/register-tenant";

/// What is stored of a registration, and what its answer is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Outcome {
    tenant_id: Uuid,
    claim_code_id: Option<Uuid>,
    linkage: Option<Linkage>,
}

/// Registers a tenant. 201 when it was created, 200 when it was there: with the same key or submission the answer is made
/// again, and only the link is new. A paid edition without linkage gets its code with a second call that carries it.
#[utoipa::path(
    post,
    path = "/register-tenant",
    request_body = RegisterTenantRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "16 to 128 of A-Z a-z 0-9 . _ : -")),
    security(("service" = [])),
    responses(
        (status = 201, body = RegisterTenantAnswer),
        (status = 200, body = RegisterTenantAnswer, description = "Registered before"),
        (status = 400, body = ProblemBody),
        (status = 401, body = ProblemBody),
        (status = 403, body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody),
        (status = 503, body = ProblemBody)
    )
)]
pub(crate) async fn register_tenant(
    State(state): State<AppState>,
    caller: Caller,
    OptionalKey(key): OptionalKey,
    Body(request): Body<RegisterTenantRequest>,
) -> Result<Response, Problem> {
    let registration = registration::read(&request)?;
    let by_header = key.map(|key| Keyed::header(ROUTE, caller.name(), &key, &request));
    let by_entity = registration.submission_id.map(|id| Keyed::entity(ROUTE, id, &registration));
    let mut tx = state.begin().await?;
    if let Some(keyed) = &by_header
        && let Some(stored) = keyed.begin(&mut tx).await?
    {
        return again(&state, &mut tx, &stored.read()?).await;
    }
    let before: Option<Outcome> = match &by_entity {
        Some(keyed) => keyed.begin(&mut tx).await?.map(|stored| stored.read()).transpose()?,
        None => None,
    };
    let work = Work { state: &state, actor: &caller.actor(), registration: &registration };
    let (outcome, status) = match before {
        None => (work.create(&mut tx).await?, StatusCode::CREATED),
        Some(before) => match (&before.linkage, &registration.linkage) {
            (None, Some(linkage)) => (work.link(&mut tx, before.tenant_id, linkage).await?, StatusCode::OK),
            (Some(known), Some(asked)) if asked.contradicts(known) => {
                return Err(Problem::new(ErrorCode::IdempotencyConflict));
            }
            (_, _) => {
                if let Some(keyed) = &by_header {
                    keyed.store(&mut tx, &stored(&before, StatusCode::CREATED)).await?;
                }
                let response = again(&state, &mut tx, &before).await?;
                commit(tx).await?;
                return Ok(response);
            }
        },
    };
    for keyed in [&by_header, &by_entity].into_iter().flatten() {
        keyed.store(&mut tx, &stored(&outcome, status)).await?;
    }
    let body = shape(&state, &mut tx, &outcome).await?;
    commit(tx).await?;
    Ok(answer(&state, status, &body, Given::Now))
}

async fn commit(tx: sqlx::Transaction<'_, sqlx::Postgres>) -> Result<(), DbError> {
    crate::db::During::during(tx.commit().await, "commit the registration")
}

fn stored(outcome: &Outcome, status: StatusCode) -> Stored {
    Stored {
        status: i16::try_from(status.as_u16()).expect("a status has three digits"),
        result: serde_json::to_value(outcome).expect("ids and words serialise"),
        sealed: None,
    }
}

async fn again(state: &AppState, conn: &mut PgConnection, outcome: &Outcome) -> Result<Response, Problem> {
    let body = shape(state, conn, outcome).await?;
    Ok(answer(state, StatusCode::OK, &body, Given::Before))
}

/// Makes the answer from what is stored: the code from its row, the link from the clock.
async fn shape(state: &AppState, conn: &mut PgConnection, outcome: &Outcome) -> Result<RegisterTenantAnswer, Problem> {
    let record = match outcome.claim_code_id {
        Some(id) => codes::by_id(conn, id).await?,
        None => None,
    };
    let code = record.as_ref().and_then(|record| record.code(&state.keys.codes()));
    Ok(RegisterTenantAnswer {
        tenant_id: outcome.tenant_id.to_string(),
        install_code: code.as_ref().map_or("", |code| code.expose()).into(),
        download_url: download_url(state, record.as_ref().map(|record| record.life_seconds)),
        expires_at: record.as_ref().map(|record| record.expires_at),
        claim_code_id: record.as_ref().map(|record| record.id.to_string()),
        code_state: record.as_ref().and_then(CodeRecord::over),
    })
}

/// The effects of one registration, in one transaction.
struct Work<'a> {
    state: &'a AppState,
    actor: &'a str,
    registration: &'a Registration<'a>,
}

impl Work<'_> {
    /// Registry row, then entitlement, older codes, new code, audit row.
    async fn create(&self, conn: &mut PgConnection) -> Result<Outcome, Problem> {
        let asked = self.registration;
        let tenant_id = asked.tenant_id.unwrap_or_else(|| row_id(self.state.random.as_ref()));
        let new = NewTenant {
            tenant_id,
            submission_id: asked.submission_id,
            edition: asked.edition,
            product_code: asked.product_code,
            deployment_type: asked.deployment_type,
            company_name: asked.company_name,
            contact_email: asked.contact_email,
            contact_name: asked.contact_name,
            stripe_customer_id: asked.stripe_customer_id,
        };
        if !create_registry_tenant(conn, &new).await? {
            return Err(Problem::new(ErrorCode::TenantExists));
        }
        self.audit(conn, Action::TenantRegistered, tenant_id, asked.submission_id).await?;
        match (asked.edition, &asked.linkage) {
            (Edition::Pro, None) => Ok(Outcome { tenant_id, claim_code_id: None, linkage: None }),
            (Edition::Essentials, _) => {
                let claim_code_id = Some(self.mint(conn, tenant_id, None).await?);
                Ok(Outcome { tenant_id, claim_code_id, linkage: None })
            }
            (Edition::Pro, Some(linkage)) => self.bind(conn, tenant_id, linkage).await,
        }
    }

    /// Adds the linkage to a tenant that was registered without one.
    async fn link(&self, conn: &mut PgConnection, tenant_id: Uuid, linkage: &Linkage) -> Result<Outcome, Problem> {
        let tenant = lock_tenant(conn, tenant_id).await?.ok_or(Problem::new(ErrorCode::TenantNotFound))?;
        if !tenant.status.is_in_good_standing() {
            return Err(Problem::new(ErrorCode::TenantSuspended));
        }
        set_stripe_customer(conn, tenant_id, linkage.customer.as_deref()).await?;
        self.bind(conn, tenant_id, linkage).await
    }

    async fn bind(&self, conn: &mut PgConnection, tenant_id: Uuid, linkage: &Linkage) -> Result<Outcome, Problem> {
        let paid = Paid {
            subscription: &linkage.subscription,
            customer: self.registration.company_name,
            tier: Tier::parse(&linkage.tier).ok_or(Problem::new(ErrorCode::TierNotSellable))?,
            seats: linkage.seats,
            transport: Transport::parse(&linkage.transport).ok_or(Problem::new(ErrorCode::InvalidTransport))?,
        };
        let entitlement = entitlements::create_or_lock(conn, &paid).await?;
        if entitlement.tenant_id.is_some_and(|bound| bound != tenant_id) {
            return Err(Problem::new(ErrorCode::TenantMismatch));
        }
        if !entitlement.active {
            return Err(Problem::new(ErrorCode::EntitlementInactive));
        }
        entitlements::update(conn, entitlement.id(), &paid, Some(tenant_id)).await?;
        let claim_code_id = Some(self.mint(conn, tenant_id, Some(entitlement.id())).await?);
        self.audit(conn, Action::EntitlementLinked, tenant_id, Some(&linkage.subscription)).await?;
        Ok(Outcome { tenant_id, claim_code_id, linkage: Some(linkage.clone()) })
    }

    /// Revokes the older codes that were not used, and mints one.
    async fn mint(&self, conn: &mut PgConnection, tenant: Uuid, entitlement: Option<Uuid>) -> Result<Uuid, Problem> {
        let settings = &self.state.settings;
        let new = NewCode {
            tenant: Some(tenant),
            entitlement,
            origin: Origin::Registration,
            length: settings.code_length,
            ttl_seconds: settings.code_ttl_seconds,
        };
        let random = self.state.random.as_ref();
        let minted = codes::insert_claim_code(conn, &self.state.keys.codes(), random, new).await?;
        let mut replaced = codes::revoke_claim_codes_for_tenant(conn, tenant, minted.id).await?;
        if let Some(entitlement) = entitlement {
            replaced.extend(codes::revoke_claim_codes_for_entitlement(conn, entitlement, Some(minted.id)).await?);
        }
        record_codes(conn, self.actor, Action::CodeSuperseded, Some(tenant), &replaced).await?;
        let reference = minted.id.to_string();
        self.audit(conn, Action::CodeMinted, tenant, Some(&reference)).await?;
        Ok(minted.id)
    }

    async fn audit(
        &self,
        conn: &mut PgConnection,
        action: Action,
        tenant: Uuid,
        reference: Option<&str>,
    ) -> Result<(), DbError> {
        record(conn, Entry { actor: self.actor, action, tenant: Some(tenant), reference }).await
    }
}
