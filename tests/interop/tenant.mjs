// Performs what the callers of tenant creation do (tenant-provisioning contract, sections 1 and 3), with their start options,
// and checks what they read. Usage: node tenant.mjs, with the input as JSON on standard input.
import { Client, Connection } from '@temporalio/client';
import assert from 'node:assert/strict';
import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { text } from 'node:stream/consumers';

const request = JSON.parse(await text(process.stdin));

// The application's verifier (section 6): split at the colon, recompute, compare.
function verifies({ hash, password, pepper, iterations, keyLength, digest }) {
  const [salt, stored] = hash.split(':');
  const computed = pbkdf2Sync(password, pepper + salt, iterations, keyLength, digest).toString('hex');
  return computed.length === stored.length && timingSafeEqual(Buffer.from(computed), Buffer.from(stored));
}

async function create({ workflow, input }) {
  const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS });
  try {
    const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? 'default' });
    const random = Math.random().toString(36).slice(2, 11).padEnd(9, '0');
    const handle = await client.workflow.start(workflow, {
      args: [input],
      taskQueue: 'tenant-workflows',
      workflowId: `tenant-creation-${Date.now()}-${random}`,
      workflowExecutionTimeout: '1h',
      workflowRunTimeout: '30m',
      workflowTaskTimeout: '1m',
    });
    await handle.signal('update', { field: 'companyName', value: 'Other' });
    await handle.signal('update');
    await handle.signal('update', 'garbage', 17);
    let progress = 0;
    const steps = [];
    const result = handle.result();
    for (let done = false; !done; ) {
      done = await Promise.race([result.then(() => true, () => true), new Promise((go) => setTimeout(go, 30, false))]);
      const state = await handle.query('getState');
      assert(state.progress >= progress, 'the progress decreased');
      progress = state.progress;
      if (steps.at(-1) !== state.step) steps.push(state.step);
    }
    return { workflowId: handle.workflowId, steps, state: await handle.query('getState'), result: await result };
  } finally {
    await connection.close();
  }
}

const answer = request.hash ? { verifies: verifies(request) } : await create(request);
console.log(JSON.stringify(answer));
