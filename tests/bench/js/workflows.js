// The same workflows as ../src/worker/workflows.rs, with every step a remote activity.
const wf = require('@temporalio/workflow');

const { step } = wf.proxyActivities({ startToCloseTimeout: '30 s' });
const NOTE = 'x'.repeat(200);

exports.benchRegistration = async function benchRegistration({ tenantId }) {
  for (let i = 0; i < 4; i++) await step({ tenantId, step: i, note: '' });
};

exports.benchLoop = async function benchLoop({ tenantId, intervalMs }) {
  let stop = false;
  let turns = 0;
  wf.setHandler(wf.defineSignal('stop'), () => void (stop = true));
  for (;;) {
    await wf.condition(() => stop, intervalMs);
    if (stop) return turns;
    await step({ tenantId, step: 0, note: '' });
    turns++;
  }
};

// Steps, their order and what runs side by side are those of a registration from start to active.
exports.benchDomain = async function benchDomain({ tenantId }) {
  let done = 0;
  const steps = async (count) => {
    for (let i = 0; i < count; i++) await step({ tenantId, step: done++, note: NOTE });
  };
  await steps(2); // row, status
  await steps(1); // DNS
  await steps(1); // status
  await wf.sleep(1000);
  await steps(1); // row
  await steps(1); // DNS
  await steps(1); // status
  await Promise.all([steps(2), steps(1), steps(1)]); // token and challenge path; certificate; edge
  await steps(3); // inventory, certificate, status
  await steps(1); // await the certificate
  await steps(1); // status
  await steps(2); // await the certificate, twice
  await steps(6); // status, inventory, copy, route, gateway, status
  await steps(1); // probe
  await steps(1); // status
  return done;
};
