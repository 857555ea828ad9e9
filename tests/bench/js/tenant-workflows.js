// The steps of workflows/src/tenant for a creation that is billed by hand: the same activities in the same order, each remote,
// with the same limits, and the same query and signals.
const wf = require('@temporalio/workflow');

const retry = { initialInterval: '1 s', backoffCoefficient: 2, maximumInterval: '30 s' };
const limits = { startToCloseTimeout: '5 m', heartbeatTimeout: '10 s', retry };
const step = wf.proxyActivities({ ...limits, scheduleToCloseTimeout: '20 m' });
const extra = wf.proxyActivities({ ...limits, scheduleToCloseTimeout: '5 m' });

exports.tenantCreationWorkflow = async function tenantCreationWorkflow({ tenantName, companyName, adminUser }) {
  const { workflowId } = wf.workflowInfo();
  const state = { step: 'initializing', progress: 0 };
  let cancelled = false;
  wf.setHandler(wf.defineQuery('getState'), () => state);
  wf.setHandler(wf.defineSignal('cancel'), () => void (cancelled = true));
  wf.setHandler(wf.defineSignal('update'), () => {});
  const enter = (name, progress) => {
    if (cancelled) throw wf.ApplicationFailure.nonRetryable('cancelled', 'Cancelled');
    state.step = name;
    state.progress = progress;
  };
  const { firstName, lastName } = adminUser;
  const email = adminUser.email.toLowerCase();
  const name = companyName ?? tenantName;
  const common = { originId: workflowId, nowMs: Date.now() };

  enter('creating_tenant', 10);
  const proposedTenantId = wf.uuid4();
  const created = await step.createTenant({ ...common, workflowId, companyName: name, email, proposedTenantId });
  const { tenantId, clientId } = created;
  enter('running_onboarding_seeds', 40);
  await step.run_onboarding_seeds({ ...common, tenantId, productCode: 'psa' });
  enter('creating_admin_user', 60);
  const { userId: adminUserId } = await step.createAdminUser({ ...common, tenantId, firstName, lastName, email });
  enter('setting_up_data', 80);
  await step.setupTenantData({ ...common, tenantId, adminUserId, clientId });

  enter('creating_customer_tracking', 85);
  const { tenantId: managementTenantId } = await extra.getManagementTenantId({});
  const vendor = { ...common, managementTenantId };
  const { customerId } = await extra.createCustomerClientActivity({ ...vendor, tenantId, tenantName: name });
  const contact = { ...vendor, clientId: customerId, firstName, lastName, email };
  const [{ contactId }] = await Promise.all([
    extra.createCustomerContactActivity(contact),
    extra.tagCustomerClientActivity({ ...vendor, clientId: customerId, tagText: 'PSA Customer' }),
  ]);

  enter('sending_welcome_email', 95);
  const letter = { ...common, tenantId, tenantName: name, adminUserId, firstName, lastName, email, productCode: 'psa' };
  const { emailSent, credentialDelivery } = await extra.sendWelcomeEmail(letter);
  await extra.recordCreation({ ...common, workflowId, tenantId, state: 'completed' });
  state.step = 'completed';
  state.progress = 100;
  return {
    tenantId,
    adminUserId,
    clientId,
    temporaryPassword: '',
    emailSent,
    success: true,
    createdAt: new Date(common.nowMs).toISOString(),
    customerClientId: customerId,
    customerContactId: contactId,
    credentialDelivery,
  };
};
