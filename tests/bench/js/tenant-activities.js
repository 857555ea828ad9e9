// The activities of a creation that is billed by hand, with the statements of activities/store/src/tenant/*.rs in their order,
// the same two password hashes, and one mail. Enough to compare CPU, not to create tenants: what only a repeat or a failure
// needs is left out.
const { createCipheriv, createHmac, pbkdf2, randomBytes, randomInt } = require('node:crypto');
const { promisify } = require('node:util');
const seeds = require('./tenant-seeds');
const { transaction, once, writeLedger, key } = require('./tenant-store');
const { html, text } = require('./tenant-mail');

const derive = promisify(pbkdf2);
const KEY = randomBytes(32);
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789!@#$%^&*';

async function hash(password) {
  const salt = randomBytes(12).toString('hex');
  const derived = await derive(password, process.env.NEXTAUTH_SECRET + salt, 10000, 64, 'sha512');
  return `${salt}:${derived.toString('hex')}`;
}

function seal(secret, aad) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce).setAAD(Buffer.from(aad));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return `node:${nonce.toString('base64')}:${Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64')}`;
}

exports.createTenant = (request) => {
  const { originId, nowMs, workflowId, companyName: name, email, proposedTenantId: tenant } = request;
  const address = createHmac('sha256', KEY).update(email.toLowerCase()).digest('hex');
  const at = nowMs * 1000;
  return transaction(async (run) => {
    await run('TAKE_TURN', [[originId, `claim address:${address}`]]);
    await run('FIND_CREATION', [originId, null]);
    await run('FIND_CLAIMS', [['address'], [address], originId]);
    await run('TAKE_CLAIMS', [['address'], [address], originId, tenant, at]);
    const others = await run('ADDRESS_CANDIDATES', [email.toLowerCase(), null]);
    if (others.some((user) => user.email.toLowerCase() === email.toLowerCase())) throw new Error('the address is taken');
    await run('INSERT_TENANT', [tenant, name, email, at, 'manual', '', 'psa', null, null]);
    const properties = JSON.stringify({ type: 'msp', is_system_client: true, created_by: 'tenant_setup' });
    const [{ client_id: clientId }] = await run('INSERT_CLIENT', [tenant, name, properties, at]);
    await run('INSERT_BILLING_PROFILE', [tenant, clientId, name, at]);
    const place = [email, '', 'N/A', '', 'N/A', '', '', '', 'XX', 'Unknown'];
    await run('INSERT_LOCATION', [tenant, clientId, ...place, at]);
    await run('OPEN_CREATION', [tenant, originId, workflowId, 'psa', at]);
    const reply = { tenantId: tenant, clientId, originId };
    await writeLedger(run, { ...request, activity: 'createTenant' }, tenant, reply);
    return reply;
  });
};

exports.run_onboarding_seeds = (request) =>
  once({ ...request, activity: 'run_onboarding_seeds', part: 'psa' }, request.tenantId, async (run, at) => {
    const tenant = request.tenantId;
    await run('FIND_OWN', [tenant, request.originId]);
    await run('INSERT_ROLES', [tenant, ...seeds.roles()]);
    await run('INSERT_PERMISSIONS', [tenant, ...seeds.permissions()]);
    const roles = await run('ROLE_IDS', [tenant]);
    const permissions = await run('PERMISSION_IDS', [tenant]);
    await run('INSERT_GRANTS', [tenant, ...seeds.grants(roles, permissions), at]);
    const { region_code: code, region_name: name, rate_percent: percent, rate_description: description } = seeds.tax;
    await run('INSERT_TAX_REGION', [tenant, code, name]);
    await run('INSERT_TAX_RATE', [tenant, code, percent, description, at]);
    await run('INSERT_STATUSES', [tenant, 'project_task', ...seeds.statuses()]);
    await run('INSERT_ASSET_TYPES', [tenant, ...seeds.assetTypes()]);
    return { success: true, seedsApplied: ['roles', 'permissions', 'role_permissions', 'tax', 'statuses', 'asset_types'] };
  });

exports.createAdminUser = async (request) => {
  const unusable = await hash(randomBytes(32));
  return once({ ...request, activity: 'createAdminUser' }, request.tenantId, async (run, at) => {
    const { originId, tenantId: tenant, firstName, lastName, email } = request;
    await run('FIND_OWN', [tenant, request.originId]);
    await run('ADDRESS_CANDIDATES', [email.toLowerCase(), null]);
    const [{ user_id: userId }] = await run('INSERT_ADMIN', [tenant, firstName, lastName, email, unusable, at]);
    const [{ role_id: roleId }] = await run('FIND_ADMIN_ROLE', [tenant]);
    await run('INSERT_USER_ROLE', [tenant, userId, roleId, at]);
    await run('END_ADDRESS_CLAIM', [originId]);
    return { userId, roleId };
  });
};

exports.setupTenantData = (request) =>
  once({ ...request, activity: 'setupTenantData' }, request.tenantId, async (run, at) => {
    const { tenantId: tenant, clientId } = request;
    await run('FIND_OWN', [tenant, request.originId]);
    const config = { apiKey: '', from: '' };
    const provider = [{ providerId: 'resend-provider', providerType: 'resend', isEnabled: false, config }];
    await run('INSERT_EMAIL_SETTINGS', [tenant, 'resend', JSON.stringify(provider), at]);
    await run('INSERT_TENANT_SETTINGS', [tenant, at]);
    await run('INSERT_TENANT_COMPANY', [tenant, clientId, at]);
    for (const copy of ['CATEGORIES', 'SUBTYPES', 'INTERNAL_CATEGORIES', 'INTERNAL_SUBTYPES'])
      await run(`COPY_${copy}`, [tenant, at]);
    return { setupSteps: ['email_settings', 'tenant_settings', 'tenant_client_association', 'notification_settings'] };
  });

exports.getManagementTenantId = async () => ({ tenantId: process.env.MANAGEMENT_TENANT_ID });

exports.createCustomerClientActivity = (request) =>
  once({ ...request, activity: 'createCustomerClientActivity' }, request.tenantId, async (run, at) => {
    const { managementTenantId: vendor, tenantId, tenantName: name } = request;
    await run('FIND_OWN', [tenantId, request.originId]);
    await run('TAKE_TURN', [[`client name ${vendor} ${name}`]]);
    const properties = JSON.stringify({ subscription_type: 'psa', tenant_id: tenantId });
    const suffixed = `${name} (${tenantId.slice(0, 8)})`;
    const [client] = await run('INSERT_CUSTOMER', [vendor, name, suffixed, properties, at]);
    await run('INSERT_BILLING_PROFILE', [vendor, client.client_id, client.client_name, at]);
    return { customerId: client.client_id };
  });

exports.createCustomerContactActivity = (request) =>
  once({ ...request, activity: 'createCustomerContactActivity' }, request.managementTenantId, async (run) => {
    const { managementTenantId: vendor, clientId, firstName, lastName, email } = request;
    const [contact] = await run('INSERT_CONTACT', [vendor, clientId, `${firstName} ${lastName}`, email]);
    return { contactId: contact?.contact_name_id ?? '' };
  });

exports.tagCustomerClientActivity = (request) =>
  once({ ...request, activity: 'tagCustomerClientActivity' }, request.managementTenantId, async (run) => {
    const { managementTenantId: vendor, clientId, tagText } = request;
    await run('INSERT_TAG', [vendor, tagText]);
    const [{ tag_id: tagId }] = await run('FIND_TAG', [vendor, tagText]);
    await run('INSERT_TAG_MAPPING', [vendor, tagId, clientId]);
    return { tagId };
  });

exports.sendWelcomeEmail = async (request) => {
  const { originId, nowMs, tenantId: tenant, adminUserId: user } = request;
  const entry = { ...request, activity: 'sendWelcomeEmail', part: user };
  const [{ ours }] = await transaction((run) => run('IS_CREATED_ADMIN', [tenant, originId, user]));
  if (!ours) throw new Error('another administrator');
  const [{ email }] = await transaction((run) => run('FIND_ADMINISTRATOR', [tenant, user]));
  const password = Array.from({ length: 20 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  const [sealed, hashed] = [seal(password, key(entry)), await hash(password)];
  await transaction(async (run) => {
    await run('TAKE_TURN', [[originId]]);
    await run('FIND_CREDENTIAL', [key(entry)]);
    await writeLedger(run, entry, tenant, { delivered: false });
    await run('SEAL_LEDGER', [key(entry), sealed]);
    await run('SET_PASSWORD', [tenant, user, hashed, nowMs * 1000]);
  });
  const letter = { ...request, password };
  const answer = await fetch(`${process.env.RESEND_API_URL}/emails`, {
    method: 'POST',
    headers: { authorization: 'Bearer re_bench', 'content-type': 'application/json', 'idempotency-key': key(entry) },
    body: JSON.stringify({
      from: 'System <noreply@tenantry.test>',
      to: [email],
      subject: 'Welcome to AlgaPSA - Your Account is Ready',
      html: html(letter),
      text: text(letter),
      tags: [{ name: 'workflow', value: 'tenant_creation' }, { name: 'tenant_id', value: tenant }],
    }),
  });
  if (!answer.ok) throw new Error(`the mail was refused with ${answer.status}`);
  await answer.json();
  await transaction(async (run) => {
    await run('TAKE_TURN', [[originId]]);
    await run('FORGET_CREDENTIAL', [key(entry), JSON.stringify({ delivered: true })]);
  });
  return { emailSent: true, credentialDelivery: 'mail' };
};

exports.recordCreation = ({ originId, workflowId, tenantId, state, nowMs }) =>
  transaction(async (run) => {
    const at = nowMs * 1000;
    await run('SET_CREATION', [originId, state, workflowId, '', '', at]);
    await run('LOG_CREATION', [tenantId, originId, at, state, '', '', workflowId, '', '']);
    return {};
  });
