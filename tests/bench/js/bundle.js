// Bundles the workflows ahead of time, as an image would hold them: node bundle.js FILE
const { writeFileSync } = require('node:fs');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');

bundleWorkflowCode({ workflowsPath: require.resolve('./workflows'), logger: new DefaultLogger('WARN') }).then(({ code }) =>
  writeFileSync(process.argv[2], code)
);
