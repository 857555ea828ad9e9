//! Names that callers, rows and histories already use. Frozen: a test compares them with literals.

/// Workflow type of the long-lived run of one tenant's domain.
pub const PORTAL_DOMAIN_WORKFLOW: &str = "portalDomainRegistrationWorkflow";
/// Workflow type of the scheduled sweep.
pub const PORTAL_DOMAIN_SWEEP_WORKFLOW: &str = "portalDomainSweepWorkflow";
/// Id of the sweep's schedule; its runs have this id with a time suffix.
pub const PORTAL_DOMAIN_SWEEP_SCHEDULE: &str = "portal-domain-sweep";
/// Domains of one page of a sweep (contract: probes in batches of 200 hosts).
pub const PORTAL_DOMAIN_SWEEP_LIMIT: u32 = 200;
/// Signal that wakes a run; its argument has the input's shape.
pub const RECONCILE_SIGNAL: &str = "reconcilePortalDomainState";
/// Task queue of the portal-domain workflows and activities.
pub const PORTAL_DOMAIN_QUEUE: &str = "portal-domain-workflows";
/// Task queue of tenant creation and of the platform's own small workflows.
pub const TENANT_QUEUE: &str = "tenant-workflows";
/// Task queue of runs that may outlive every release: repairs of tenants.
pub const TENANT_LIFECYCLE_QUEUE: &str = "tenant-lifecycle-workflows";
/// Workflow type that creates a tenant.
pub const TENANT_CREATION_WORKFLOW: &str = "tenantCreationWorkflow";
/// Workflow type that creates a tenant of the help-desk product.
pub const ALGADESK_TENANT_CREATION_WORKFLOW: &str = "algadeskTenantCreationWorkflow";
/// Workflow type that waits for the repair of a creation whose own time was up.
pub const TENANT_REPAIR_WORKFLOW: &str = "tenantRepairWorkflow";
/// Workflow type that sends the welcome mail again.
pub const RESEND_WELCOME_WORKFLOW: &str = "resendWelcomeEmailWorkflow";
/// Workflow type that sends one mail to whom its input names, for tests; never registered in production.
pub const TEST_EMAIL_WORKFLOW: &str = "testEmailWorkflow";
/// Query of a creation and of a repair.
pub const CREATION_STATE_QUERY: &str = "getState";
/// Update that decides about a step that failed.
pub const REPAIR_UPDATE: &str = "repair";
/// Signal that ends a creation at the next boundary of a step.
pub const CANCEL_SIGNAL: &str = "cancel";
/// Workflow type that registers an essentials tenant and mails its install code.
pub const ESSENTIALS_REGISTRATION_WORKFLOW: &str = "applianceEssentialsRegistrationWorkflow";
/// Update of a registration that answers as soon as the tenant exists.
pub const REGISTERED_UPDATE: &str = "registered";
/// Workflow type that mails a registered tenant a new install code.
pub const INSTALL_CODE_REISSUE_WORKFLOW: &str = "applianceInstallCodeReissueWorkflow";
/// Workflow type that ends a subscription's licences.
pub const LICENSE_REVOCATION_WORKFLOW: &str = "applianceLicenseRevocationWorkflow";
/// Workflow type that redeems a code on an installed appliance.
pub const LICENSE_REDEEM_WORKFLOW: &str = "applianceLicenseRedeemWorkflow";
/// Workflow type that stores a pasted licence on an installed appliance.
pub const LICENSE_APPLY_WORKFLOW: &str = "applianceLicenseApplyWorkflow";
/// Workflow type that asks for a newer licence.
pub const CHECK_IN_WORKFLOW: &str = "applianceCheckInWorkflow";
/// Id of the schedule of check-ins; its runs have this id with a time suffix.
pub const CHECK_IN_SCHEDULE: &str = "appliance-license-check-in-schedule";
/// Queues of other services: polling them would take their tasks away.
pub const FOREIGN_QUEUES: [&str; 4] = ["email-domain-workflows", "alga-jobs", "sla-workflows", "workflow-runtime-v2"];
/// Default Temporal address of every caller.
pub const DEFAULT_TEMPORAL_ADDRESS: &str = "temporal-frontend.temporal.svc.cluster.local:7233";
/// Default Temporal namespace of every caller.
pub const DEFAULT_TEMPORAL_NAMESPACE: &str = "default";

/// Workflow id of an essentials registration: one per submission.
pub fn essentials_registration_id(submission_id: &str) -> String {
    format!("essentials-register:{submission_id}")
}

/// Workflow id of a reissue: one per request.
pub fn install_code_reissue_id(request_id: &str) -> String {
    format!("install-code-reissue:{request_id}")
}

/// Workflow id of a revocation: one per subscription.
pub fn license_revocation_id(stripe_sub_id: &str) -> String {
    format!("license-revoke:{stripe_sub_id}")
}

/// Workflow id of a redemption of ours; `fingerprint` is its reference, which tells nothing of the code.
pub fn license_redeem_id(appliance_id: &str, fingerprint: &str) -> String {
    format!("appliance-redeem:{appliance_id}:{fingerprint}")
}

/// Workflow id of a tenant's domain: one per tenant, not per row.
pub fn portal_domain_workflow_id(tenant_id: &str) -> String {
    format!("portal-domain:{tenant_id}")
}

/// The tenant of a workflow id made by [`portal_domain_workflow_id`].
pub fn tenant_of_workflow_id(workflow_id: &str) -> Option<&str> {
    workflow_id.strip_prefix("portal-domain:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_callers_use() {
        assert_eq!(PORTAL_DOMAIN_WORKFLOW, "portalDomainRegistrationWorkflow");
        assert_eq!(RECONCILE_SIGNAL, "reconcilePortalDomainState");
        assert_eq!(PORTAL_DOMAIN_QUEUE, "portal-domain-workflows");
        assert_eq!(TENANT_QUEUE, "tenant-workflows");
        assert_eq!(TENANT_LIFECYCLE_QUEUE, "tenant-lifecycle-workflows");
        assert_eq!(TENANT_CREATION_WORKFLOW, "tenantCreationWorkflow");
        assert_eq!(ALGADESK_TENANT_CREATION_WORKFLOW, "algadeskTenantCreationWorkflow");
        assert_eq!(TENANT_REPAIR_WORKFLOW, "tenantRepairWorkflow");
        assert_eq!(RESEND_WELCOME_WORKFLOW, "resendWelcomeEmailWorkflow");
        assert_eq!((CREATION_STATE_QUERY, REPAIR_UPDATE, CANCEL_SIGNAL), ("getState", "repair", "cancel"));
        assert_eq!(ESSENTIALS_REGISTRATION_WORKFLOW, "applianceEssentialsRegistrationWorkflow");
        assert_eq!(INSTALL_CODE_REISSUE_WORKFLOW, "applianceInstallCodeReissueWorkflow");
        assert_eq!(LICENSE_REVOCATION_WORKFLOW, "applianceLicenseRevocationWorkflow");
        assert_eq!(LICENSE_REDEEM_WORKFLOW, "applianceLicenseRedeemWorkflow");
        assert_eq!(LICENSE_APPLY_WORKFLOW, "applianceLicenseApplyWorkflow");
        assert_eq!(CHECK_IN_WORKFLOW, "applianceCheckInWorkflow");
        assert_eq!(CHECK_IN_SCHEDULE, "appliance-license-check-in-schedule");
        assert_eq!(essentials_registration_id("s1"), "essentials-register:s1");
        assert_eq!(install_code_reissue_id("r1"), "install-code-reissue:r1");
        // It is an idempotency key too: 16 to 128 characters (licensing contract, section 5.1).
        let longest = "r".repeat(model::license::request::REQUEST_ID_MAX);
        assert_eq!([install_code_reissue_id("r").len(), install_code_reissue_id(&longest).len()], [22, 128]);
        assert_eq!(license_revocation_id("sub_1"), "license-revoke:sub_1");
        assert_eq!(
            license_redeem_id("appliance-1", "0123456789abcdef"),
            "appliance-redeem:appliance-1:0123456789abcdef"
        );
        assert_eq!(portal_domain_workflow_id("t1"), "portal-domain:t1");
        assert_eq!(tenant_of_workflow_id("portal-domain:t1"), Some("t1"));
    }
}
