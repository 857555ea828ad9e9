//! The vendor's own record of its new customer. Each part may be left out; what was is listed.

use super::super::drive::{Course, Ctx};
use super::super::state::Holds;
use super::{Done, created_ms, customer_tag, options, tenant_id};
use contract::tenancy::Tenancy;
use model::tenant::step::Step;
use proto::v1 as wire;
use temporalio_workflow::workflows::join;

/// The portal user: its invitation comes with a later part of the product.
const PORTAL_USER: (&str, &str) = ("portal_user", "NO_INVITATION");

/// Client, tag and contact in the management tenant.
pub(super) async fn run<W: Holds>(ctx: &Ctx<W>, course: &Course, until_ms: i64) -> Done {
    let step = Step::CreatingCustomerTracking;
    let skip = |part: &str, why: &str| ctx.state_mut(|w| w.creation_mut().skip(part, why));
    let management = ctx
        .execute_activity(
            Tenancy::management_tenant,
            wire::ManagementTenantRequest {},
            options(ctx, course, until_ms, step),
        )
        .await?
        .tenant_id;
    if management.is_empty() {
        skip(step.as_str(), "NO_MANAGEMENT_TENANT");
        return Ok(());
    }
    let (origin_id, now_ms) = (course.plan.origin_id.clone(), created_ms(ctx));
    let tenant = &course.plan.tenant;
    let request = wire::CustomerClientRequest {
        origin_id: origin_id.clone(),
        now_ms,
        management_tenant_id: management.clone(),
        tenant_id: tenant_id(ctx),
        tenant_name: tenant.company_name.clone(),
    };
    let client = ctx
        .execute_activity(Tenancy::create_customer_client, request, options(ctx, course, until_ms, step))
        .await?
        .customer_id;
    ctx.state_mut(|w| w.creation_mut().facts.customer_client_id.clone_from(&client));

    let contact = wire::CustomerContactRequest {
        origin_id: origin_id.clone(),
        now_ms,
        management_tenant_id: management.clone(),
        client_id: client.clone(),
        first_name: tenant.admin.first_name.clone(),
        last_name: tenant.admin.last_name.clone(),
        email: tenant.admin.email.clone(),
    };
    let tag = wire::TagCustomerRequest {
        origin_id,
        now_ms,
        management_tenant_id: management,
        client_id: client,
        tag_text: customer_tag(tenant.product).to_owned(),
    };
    // Neither needs the other: one workflow task starts both.
    let (contact, tagged) = join!(
        ctx.execute_activity(Tenancy::create_customer_contact, contact, options(ctx, course, until_ms, step)),
        ctx.execute_activity(Tenancy::tag_customer_client, tag, options(ctx, course, until_ms, step)),
    );
    let contact = contact?.contact_id;
    if contact.is_empty() {
        skip("customer_contact", "ADDRESS_TAKEN");
    }
    ctx.state_mut(|w| w.creation_mut().facts.customer_contact_id = contact);
    tagged?;
    skip(PORTAL_USER.0, PORTAL_USER.1);
    Ok(())
}
