//! What each step asks of the activities, and what it keeps of their answers.

use super::drive::{Course, Ctx};
use super::failing::StepError;
use super::state::Holds;
use crate::clock::{left, now_ms};
use contract::convert::tenant as convert;
use contract::options::creation_step;
use contract::sensitive::Sensitive;
use contract::tenancy::Tenancy;
use model::tenant::failure::FailureType;
use model::tenant::product::{CredentialDelivery, Product};
use model::tenant::step::Step;
use proto::v1 as wire;
use temporalio_common::SearchAttributeKey;
use temporalio_workflow::ActivityOptions;

mod tracking;

type Done = Result<(), StepError>;

const TENANT_ID: SearchAttributeKey<String> = SearchAttributeKey::keyword("TenantId");

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

/// Carries out one step. All its activities together end at `until_ms`.
pub(super) async fn run<W: Holds>(ctx: &Ctx<W>, step: Step, course: &mut Course, until_ms: i64) -> Done {
    match step {
        Step::FetchingStripeDetails => fetch(ctx, course, until_ms).await,
        Step::CreatingTenant => create(ctx, course, until_ms).await,
        Step::RunningOnboardingSeeds => seed(ctx, course, until_ms).await,
        Step::CreatingAdminUser => administrator(ctx, course, until_ms).await,
        Step::SettingUpData => settings(ctx, course, until_ms).await,
        Step::CreatingCustomerTracking => tracking::run(ctx, course, until_ms).await,
        Step::SendingWelcomeEmail => welcome(ctx, course, until_ms).await,
        Step::Initializing | Step::Completed | Step::Failed => Ok(()),
    }
}

/// Options of a step's activity, under our own token.
fn options<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64, step: Step) -> ActivityOptions {
    let mut options = creation_step(left(ctx, until_ms), step.sentence());
    options.cancellation_token = Some(course.own.clone());
    options
}

async fn fetch<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
    let request =
        wire::FetchStripeDetailsRequest { checkout_session_id: course.plan.tenant.checkout_session_id.clone() };
    let options = options(ctx, course, until_ms, Step::FetchingStripeDetails);
    let details = ctx.execute_activity(Tenancy::fetch_stripe_details, request, options).await?;
    ctx.state_mut(|w| w.creation_mut().facts.stripe = Some(details));
    Ok(())
}

async fn create<W: Holds>(ctx: &Ctx<W>, course: &mut Course, until_ms: i64) -> Done {
    let stripe = ctx.state(|w| w.creation().facts.stripe.clone());
    let mut request = convert::create_tenant(&course.plan.tenant, stripe.as_ref())
        .map_err(|error| StepError::new(FailureType::Configuration, error.to_string()))?;
    request.origin_id.clone_from(&course.plan.origin_id);
    request.proposed_tenant_id.clone_from(&course.proposed_tenant_id);
    request.now_ms = ctx.state(|w| w.creation().facts.created_ms);
    let options = options(ctx, course, until_ms, Step::CreatingTenant);
    let reply = ctx.execute_activity(Tenancy::create_tenant, request, options).await?;
    if !reply.origin_id.is_empty() {
        // A tenant of an earlier workflow was adopted: the work goes on under that one's keys.
        course.plan.origin_id = reply.origin_id;
    }
    ctx.state_mut(|w| {
        let facts = &mut w.creation_mut().facts;
        facts.tenant_id = reply.tenant_id;
        facts.client_id = reply.client_id;
        w.creation_mut().unsure = false;
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

async fn seed<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
    let request = wire::OnboardingSeedsRequest {
        origin_id: course.plan.origin_id.clone(),
        now_ms: created_ms(ctx),
        tenant_id: tenant_id(ctx),
        product_code: course.plan.tenant.product.as_str().to_owned(),
    };
    let options = options(ctx, course, until_ms, Step::RunningOnboardingSeeds);
    let reply = ctx.execute_activity(Tenancy::run_onboarding_seeds, request, options).await?;
    ctx.state_mut(|w| {
        for group in reply.seeds_skipped {
            w.creation_mut().skip(&group, "NO_SEED_PACK");
        }
    });
    Ok(())
}

async fn administrator<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
    let mut request = convert::create_admin(&course.plan.tenant.admin);
    request.origin_id.clone_from(&course.plan.origin_id);
    request.now_ms = created_ms(ctx);
    request.tenant_id = tenant_id(ctx);
    let options = options(ctx, course, until_ms, Step::CreatingAdminUser);
    let reply = ctx.execute_activity(Tenancy::create_admin_user, Sensitive::from(request), options).await?;
    ctx.state_mut(|w| {
        let facts = &mut w.creation_mut().facts;
        facts.admin_user_id = reply.user_id;
        // The ledger says it: the run that gave the password may have been another one.
        if reply.operator_supplied {
            facts.credential_delivery = CredentialDelivery::OperatorSupplied.as_str().to_owned();
        } else if course.plan.password_withheld {
            w.creation_mut().skip("operator_password", "NOT_CARRIED_TO_THE_REPAIR");
        }
    });
    Ok(())
}

async fn settings<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
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
    let options = options(ctx, course, until_ms, Step::SettingUpData);
    ctx.execute_activity(Tenancy::setup_tenant_data, request, options).await?;
    Ok(())
}

async fn welcome<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
    let request = wire::WelcomeEmailRequest {
        origin_id: course.plan.origin_id.clone(),
        // The mail's own time: a creation may have waited for a repair for longer than a provider remembers a key.
        now_ms: now_ms(ctx),
        tenant_id: tenant_id(ctx),
        admin_user_id: ctx.state(|w| w.creation().facts.admin_user_id.clone()),
        operator_supplied: ctx
            .state(|w| w.creation().facts.credential_delivery == CredentialDelivery::OperatorSupplied.as_str()),
        // Names and the address are read where the mail is sent.
        ..wire::WelcomeEmailRequest::default()
    };
    let options = options(ctx, course, until_ms, Step::SendingWelcomeEmail);
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

pub(super) fn tenant_id<W: Holds>(ctx: &Ctx<W>) -> String {
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
