//! What each step asks of the activities, and what it keeps of their answers.

use super::drive::{Course, Ctx};
use super::failing::StepError;
use super::state::Holds;
use crate::clock::now_ms;
use contract::convert::tenant as convert;
use contract::options::{creation_step, shop_call};
use contract::sensitive::Sensitive;
use contract::tenancy::Tenancy;
use model::tenant::product::{CredentialDelivery, Product};
use model::tenant::repair::{Decision, Waiting};
use model::tenant::step::Step;
use proto::v1 as wire;
use std::time::Duration;
use temporalio_common::SearchAttributeKey;
use temporalio_workflow::ActivityOptions;

mod tracking;

type Done = Result<(), StepError>;

const TENANT_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword("TenantId");

/// Longest time of a note in the creation's record. Without it the run goes on: the ledger has what matters.
const RECORD: Duration = Duration::from_secs(60);

/// Whether a step has anything to do.
pub(super) fn is_wanted(step: Step, course: &Course) -> bool {
    let tenant = &course.plan.tenant;
    match step {
        Step::FetchingStripeDetails => !tenant.checkout_session_id.is_empty() && tenant.stripe.customer.is_empty(),
        Step::CreatingCustomerTracking => !tenant.skip_customer_tracking,
        Step::SendingWelcomeEmail => !tenant.skip_welcome_email,
        Step::Initializing
        | Step::CreatingTenant
        | Step::RunningOnboardingSeeds
        | Step::CreatingAdminUser
        | Step::SettingUpData
        | Step::Completed
        | Step::Failed => true,
    }
}

/// Carries out one step. `limit` bounds all its tries together.
pub(super) async fn run<W: Holds>(ctx: &Ctx<W>, step: Step, course: &mut Course, limit: Duration) -> Done {
    match step {
        Step::FetchingStripeDetails => fetch(ctx, course, limit).await,
        Step::CreatingTenant => create(ctx, course, limit).await,
        Step::RunningOnboardingSeeds => seed(ctx, course, limit).await,
        Step::CreatingAdminUser => administrator(ctx, course, limit).await,
        Step::SettingUpData => settings(ctx, course, limit).await,
        Step::CreatingCustomerTracking => tracking::run(ctx, course, limit).await,
        Step::SendingWelcomeEmail => welcome(ctx, course, limit).await,
        Step::Initializing | Step::Completed | Step::Failed => Ok(()),
    }
}

/// Options of a step's activity, under our own token.
fn options(course: &Course, limit: Duration, step: Step) -> ActivityOptions {
    let mut options = creation_step(limit, step.sentence());
    options.cancellation_token = Some(course.own.clone());
    options
}

async fn fetch<W: Holds>(ctx: &Ctx<W>, course: &Course, limit: Duration) -> Done {
    let request =
        wire::FetchStripeDetailsRequest { checkout_session_id: course.plan.tenant.checkout_session_id.clone() };
    let options = options(course, limit, Step::FetchingStripeDetails);
    let details = ctx.execute_activity(Tenancy::fetch_stripe_details, request, options).await?;
    ctx.state_mut(|w| w.creation_mut().facts.stripe = Some(details));
    Ok(())
}

async fn create<W: Holds>(ctx: &Ctx<W>, course: &mut Course, limit: Duration) -> Done {
    let stripe = ctx.state(|w| w.creation().facts.stripe.clone());
    let mut request = convert::create_tenant(&course.plan.tenant, stripe.as_ref());
    request.origin_id.clone_from(&course.plan.origin_id);
    request.proposed_tenant_id.clone_from(&course.proposed_tenant_id);
    request.now_ms = ctx.state(|w| w.creation().facts.created_ms);
    let options = options(course, limit, Step::CreatingTenant);
    let reply = ctx.execute_activity(Tenancy::create_tenant, request, options).await?;
    if !reply.origin_id.is_empty() {
        // A tenant of an earlier workflow was adopted: the work goes on under that one's keys.
        course.plan.origin_id = reply.origin_id;
    }
    ctx.state_mut(|w| {
        let facts = &mut w.creation_mut().facts;
        facts.tenant_id = reply.tenant_id;
        facts.client_id = reply.client_id;
    });
    find_by_tenant(ctx);
    Ok(())
}

/// Lets operators find the run by its tenant, as soon as that is known.
pub(super) fn find_by_tenant<W: Holds>(ctx: &Ctx<W>) {
    let tenant_id = tenant_id(ctx);
    if !tenant_id.is_empty() {
        ctx.upsert_search_attributes([TENANT_ID.value_set(tenant_id)]);
    }
}

async fn seed<W: Holds>(ctx: &Ctx<W>, course: &Course, limit: Duration) -> Done {
    let request = wire::OnboardingSeedsRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: created_ms(ctx),
        tenant_id: tenant_id(ctx),
        product_code: course.plan.tenant.product.as_str().to_owned(),
    };
    let options = options(course, limit, Step::RunningOnboardingSeeds);
    let reply = ctx.execute_activity(Tenancy::run_onboarding_seeds, request, options).await?;
    ctx.state_mut(|w| {
        for group in reply.seeds_skipped {
            w.creation_mut().skip(&group, "NO_SEED_PACK");
        }
    });
    Ok(())
}

async fn administrator<W: Holds>(ctx: &Ctx<W>, course: &Course, limit: Duration) -> Done {
    let mut request = convert::create_admin(&course.plan.tenant.admin);
    request.origin_id.clone_from(&course.plan.origin_id);
    request.now_ms = created_ms(ctx);
    request.tenant_id = tenant_id(ctx);
    let options = options(course, limit, Step::CreatingAdminUser);
    let reply = ctx.execute_activity(Tenancy::create_admin_user, Sensitive::from(request), options).await?;
    ctx.state_mut(|w| {
        let facts = &mut w.creation_mut().facts;
        facts.admin_user_id = reply.user_id;
        if course.plan.tenant.admin.password.is_given() {
            facts.credential_delivery = CredentialDelivery::OperatorSupplied.as_str().to_owned();
        }
    });
    Ok(())
}

async fn settings<W: Holds>(ctx: &Ctx<W>, course: &Course, limit: Duration) -> Done {
    let tenant = &course.plan.tenant;
    let (admin_user_id, client_id) =
        ctx.state(|w| (w.creation().facts.admin_user_id.clone(), w.creation().facts.client_id.clone()));
    let request = wire::SetupTenantDataRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: created_ms(ctx),
        tenant_id: tenant_id(ctx),
        admin_user_id,
        client_id,
        contract_line: tenant.contract_line.clone(),
        email_provider: tenant.email_provider.map(|provider| provider.as_str().to_owned()).unwrap_or_default(),
    };
    let options = options(course, limit, Step::SettingUpData);
    ctx.execute_activity(Tenancy::setup_tenant_data, request, options).await?;
    Ok(())
}

async fn welcome<W: Holds>(ctx: &Ctx<W>, course: &Course, limit: Duration) -> Done {
    let tenant = &course.plan.tenant;
    let request = wire::WelcomeEmailRequest {
        origin_id: course.plan.origin_id.clone(),
        // The mail's own time: a creation may have waited for a repair for longer than a provider remembers a key.
        now_ms: now_ms(ctx),
        tenant_id: tenant_id(ctx),
        tenant_name: tenant.company_name.clone(),
        admin_user_id: ctx.state(|w| w.creation().facts.admin_user_id.clone()),
        first_name: tenant.admin.first_name.clone(),
        last_name: tenant.admin.last_name.clone(),
        email: tenant.admin.email.clone(),
        product_code: tenant.product.as_str().to_owned(),
        operator_supplied: ctx
            .state(|w| w.creation().facts.credential_delivery == CredentialDelivery::OperatorSupplied.as_str()),
    };
    let options = options(course, limit, Step::SendingWelcomeEmail);
    let sent = ctx.execute_activity(Tenancy::send_welcome_email, request, options).await;
    ctx.state_mut(|w| {
        let facts = &mut w.creation_mut().facts;
        match &sent {
            Ok(reply) => {
                facts.email_sent = Some(reply.email_sent.unwrap_or(false));
                facts.credential_delivery.clone_from(&reply.credential_delivery);
                if !reply.error.is_empty() {
                    let why = reply.error.clone();
                    w.creation_mut().skip(Step::SendingWelcomeEmail.as_str(), &why);
                }
            }
            Err(_) => facts.email_sent = Some(false),
        }
    });
    sent?;
    Ok(())
}

/// The call that tells the shop that the work began; nobody waits for it, since a shop that is away must not hold a tenant up.
pub(super) fn in_progress_call<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
) -> Option<(wire::CheckoutStatusRequest, ActivityOptions)> {
    // A repair that takes over says nothing new.
    if course.plan.tenant.checkout_session_id.is_empty() || course.plan.waiting.is_some() {
        return None;
    }
    Some((checkout_status(ctx, course, "in_progress", ""), call_options(course, "tell the shop")))
}

fn call_options(course: &Course, summary: &str) -> ActivityOptions {
    let mut options = shop_call(summary);
    options.cancellation_token = Some(course.own.clone());
    options
}

fn checkout_status<W: Holds>(ctx: &Ctx<W>, course: &Course, status: &str, error: &str) -> wire::CheckoutStatusRequest {
    wire::CheckoutStatusRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: now_ms(ctx),
        checkout_session_id: course.plan.tenant.checkout_session_id.clone(),
        workflow_id: ctx.info().workflow_id().to_owned(),
        status: status.to_owned(),
        error: error.to_owned(),
    }
}

/// The last step: the record is closed and the shop hears of it. Answers what could not be told.
pub(super) async fn complete<W: Holds>(ctx: &Ctx<W>, course: &Course) -> Vec<(String, String)> {
    record(ctx, course, "completed", None, None).await;
    tell_end(ctx, course, "completed", "").await
}

/// Tells the shop that the creation failed.
pub(super) async fn tell_failed<W: Holds>(ctx: &Ctx<W>, course: &Course, error: &StepError) {
    tell_end(ctx, course, "failed", error.word()).await;
}

async fn tell_end<W: Holds>(ctx: &Ctx<W>, course: &Course, status: &str, error: &str) -> Vec<(String, String)> {
    if course.plan.tenant.checkout_session_id.is_empty() {
        return Vec::new();
    }
    let request = checkout_status(ctx, course, status, error);
    let told =
        ctx.execute_activity(Tenancy::update_checkout_status, request, call_options(course, "tell the shop")).await;
    let request = wire::ShopCallbackRequest {
        origin_id: course.plan.origin_id.clone(),
        checkout_session_id: course.plan.tenant.checkout_session_id.clone(),
        tenant_id: tenant_id(ctx),
        status: status.to_owned(),
        error: error.to_owned(),
    };
    let called =
        ctx.execute_activity(Tenancy::send_shop_callback, request, call_options(course, "call the shop back")).await;
    let parts = [("checkout_status", told.err()), ("shop_callback", called.err())];
    parts
        .into_iter()
        .filter_map(|(part, error)| Some((part.to_owned(), StepError::from(error?).word().to_owned())))
        .collect()
}

/// Notes where the creation stands. A note that could not be written is no reason to stop.
pub(super) async fn record<W: Holds>(
    ctx: &Ctx<W>,
    course: &Course,
    state: &str,
    waiting: Option<&Waiting>,
    decision: Option<&Decision>,
) {
    let request = wire::RecordCreationRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: now_ms(ctx),
        tenant_id: tenant_id(ctx),
        state: state.to_owned(),
        workflow_id: ctx.info().workflow_id().to_owned(),
        step: waiting.map(|waiting| waiting.step.as_str().to_owned()).unwrap_or_default(),
        reason: waiting.map(|waiting| waiting.reason.clone()).unwrap_or_default(),
        by: decision.map(|decision| decision.by.clone()).unwrap_or_default(),
        note: decision.map(|decision| decision.note.clone()).unwrap_or_default(),
    };
    let mut options = creation_step(RECORD, "note where the creation stands");
    options.cancellation_token = Some(course.own.clone());
    let _ = ctx.execute_activity(Tenancy::record_creation, request, options).await;
}

fn tenant_id<W: Holds>(ctx: &Ctx<W>) -> String {
    ctx.state(|w| w.creation().facts.tenant_id.clone())
}

/// The one time of a creation: rows of a repeated step carry the same one.
fn created_ms<W: Holds>(ctx: &Ctx<W>) -> i64 {
    ctx.state(|w| w.creation().facts.created_ms)
}

/// The customer's tag.
fn customer_tag(product: Product) -> &'static str {
    match product {
        Product::Psa => "PSA Customer",
        Product::Algadesk => "AlgaDesk Customer",
    }
}
