//! A span around every activity, with whose domain it is: each log line and each exported trace names the tenant.

use contract::names::tenant_of_workflow_id;
use contract::sensitive::Sensitive;
use proto::v1 as wire;
use temporalio_sdk::interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next};
use tracing::Instrument as _;

/// The interceptor. Registered on every worker.
pub(crate) struct ActivitySpans;

impl ActivityInboundInterceptor for ActivitySpans {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let info = input.activity_info();
        let workflow = info.workflow_id.as_deref().unwrap_or_default();
        let named = Named::of(&input);
        // Of the highest level, so that the ids are there at whatever level the lines are.
        let span = tracing::error_span!(
            "activity",
            activityType = info.activity_type,
            workflowId = workflow,
            attempt = info.attempt,
            tenantId = tenant_of_workflow_id(workflow).unwrap_or(named.tenant),
            portalDomainId = named.domain,
        );
        Box::pin(next.run(input).instrument(span))
    }
}

/// What an activity's input says of whose domain it is; empty for work on many domains at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Named<'a> {
    tenant: &'a str,
    domain: &'a str,
}

impl<'a> Named<'a> {
    fn of(input: &'a ExecuteActivityInput) -> Self {
        macro_rules! first {
            ($($request:ty => |$r:ident| $ids:expr;)+) => {
                $(if let Some($r) = input.args_ref::<$request>() { return $ids; })+
            };
        }
        first! {
            wire::LoadDomainRequest => |r| Self { tenant: &r.tenant_id, domain: &r.portal_domain_id };
            wire::WriteStatusRequest => |r| Self::row(r.base.as_ref());
            wire::RecordInventoryRequest => |r| Self { tenant: &r.tenant_id, domain: &r.portal_domain_id };
            wire::DeleteRowRequest => |r| Self::row(r.base.as_ref());
            wire::SavePreflightTokenRequest => |r| Self::only(&r.portal_domain_id);
            wire::LookUpHostRequest => |r| Self::only(&r.portal_domain_id);
            wire::PreflightRequest => |r| Self::only(&r.portal_domain_id);
            wire::ProbeRequest => |r| Self::only(&r.portal_domain_id);
            wire::ReadCertificateRequest => |r| Self::objects(r.objects.as_ref());
            wire::ReadEdgeRequest => |r| Self::objects(r.objects.as_ref());
            wire::ApplyStepRequest => |r| Self::objects(r.objects.as_ref());
            wire::ReadBackRequest => |r| Self::only(&r.portal_domain_id);
            wire::WakeDomainRequest => |r| Self { tenant: &r.tenant_id, domain: &r.portal_domain_id };
            wire::WriteManifestsRequest => |r| Self::objects(r.objects.as_ref());
            wire::CreateTenantRequest => |r| Self::tenant(&r.tenant_id);
            wire::OnboardingSeedsRequest => |r| Self::tenant(&r.tenant_id);
            Sensitive<wire::CreateAdminUserRequest> => |r| Self::tenant(&r.tenant_id);
            wire::SetupTenantDataRequest => |r| Self::tenant(&r.tenant_id);
            wire::CustomerClientRequest => |r| Self::tenant(&r.tenant_id);
            wire::WelcomeEmailRequest => |r| Self::tenant(&r.tenant_id);
            wire::RecordCreationRequest => |r| Self::tenant(&r.tenant_id);
            wire::ShopCallbackRequest => |r| Self::tenant(&r.tenant_id);
            wire::AdministratorRequest => |r| Self::tenant(&r.tenant_id);
            wire::ResendCredentialRequest => |r| Self::tenant(&r.tenant_id);
            wire::AuditResendRequest => |r| Self::tenant(&r.tenant_id);
        }
        Self::default()
    }

    fn tenant(tenant: &'a str) -> Self {
        Self { tenant, domain: "" }
    }

    fn only(domain: &'a str) -> Self {
        Self { tenant: "", domain }
    }

    fn row(row: Option<&'a wire::PortalDomainRow>) -> Self {
        row.map_or_else(Self::default, |row| Self { tenant: &row.tenant_id, domain: &row.id })
    }

    fn objects(objects: Option<&'a wire::DomainObjects>) -> Self {
        objects.map_or_else(Self::default, |o| Self { tenant: &o.tenant_id, domain: &o.portal_domain_id })
    }
}
