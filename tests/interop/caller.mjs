// Performs exactly what the web application does (portal-domain contract, section 2): connect, start, and where the run
// is already open, signal it without a run id. Usage: node caller.mjs TENANT_ID PORTAL_DOMAIN_ID
// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and TEMPORAL_PORTAL_DOMAIN_TASK_QUEUE as the application reads them.
import { Client, Connection, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import assert from 'node:assert/strict';

const [tenantId, portalDomainId] = process.argv.slice(2);
assert(tenantId && portalDomainId, 'usage: node caller.mjs TENANT_ID PORTAL_DOMAIN_ID');

const address = process.env.TEMPORAL_ADDRESS ?? 'temporal-frontend.temporal.svc.cluster.local:7233';
const namespace = process.env.TEMPORAL_NAMESPACE ?? 'default';
const taskQueue = process.env.TEMPORAL_PORTAL_DOMAIN_TASK_QUEUE ?? 'portal-domain-workflows';
const workflowId = `portal-domain:${tenantId}`;

// One enqueue of the application: a new connection, start, and signal on "already started".
async function enqueue(trigger, start = true) {
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace });
    const payload = { tenantId, portalDomainId, trigger };
    try {
      assert(start);
      await client.workflow.start('portalDomainRegistrationWorkflow', { args: [payload], taskQueue, workflowId });
      return { enqueued: true };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      assert.equal(error.name, 'WorkflowExecutionAlreadyStartedError');
      await client.workflow.getHandle(workflowId).signal('reconcilePortalDomainState', payload);
      return { enqueued: true, signaled: true };
    }
  } finally {
    await connection.close();
  }
}

const connection = await Connection.connect({ address });
const handle = new Client({ connection, namespace }).workflow.getHandle(workflowId);
const report = {};

report.first = await enqueue('register');
report.second = await enqueue('refresh');
assert.deepEqual(report.first, { enqueued: true });
assert.deepEqual(report.second, { enqueued: true, signaled: true });

// Whatever a caller sends, the run goes on: the query still answers afterwards.
await handle.signal('reconcilePortalDomainState');
await handle.signal('reconcilePortalDomainState', null);
await handle.signal('reconcilePortalDomainState', 'garbage', 17);
await handle.signal('reconcilePortalDomainState', { tenantId: 42, portalDomainId: ['x'], trigger: {} });
await handle.signal('reconcilePortalDomainState', new Uint8Array([0, 255]));
await handle.signal('reconcilePortalDomainState', { tenantId: 'ffffffff-ffff-4fff-8fff-ffffffffffff', portalDomainId });

report.status = await handle.query('status');
assert.equal(typeof report.status.status, 'string');
report.explain = await handle.query('explain');
assert.equal(report.explain.axes.length, 5);
report.reconcile = await handle.executeUpdate('reconcile', { args: [{ reason: 'interop' }] });
assert.equal(typeof report.reconcile.outcome, 'string');
assert.equal((await handle.describe()).status.name, 'RUNNING');

await connection.close();
console.log(JSON.stringify({ first: report.first, second: report.second, status: report.status.status, reconcile: report.reconcile.outcome }));
