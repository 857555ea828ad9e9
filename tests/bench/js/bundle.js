// Bundles workflows ahead of time, as an image would hold them: node bundle.js FILE [WORKFLOWS]
const { writeFileSync } = require('node:fs');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');

const workflowsPath = require.resolve(process.argv[3] ?? './workflows');
bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') }).then(({ code }) =>
  writeFileSync(process.argv[2], code)
);
