// Node worker of the comparison: the limits of ../src/worker/mod.rs, workflows bundled beforehand.
// usage: node worker.js TASK_QUEUE [ACTIVITIES]; environment: TEMPORAL_ADDRESS, BUNDLE (a file made by bundle.js)
const { NativeConnection, Runtime, Worker, DefaultLogger } = require('@temporalio/worker');

async function main() {
  Runtime.install({ logger: new DefaultLogger('WARN'), workerHeartbeatInterval: 0 });
  const connection = await NativeConnection.connect({
    address: process.env.TEMPORAL_ADDRESS,
    grpcCompression: { codec: 'none' },
  });
  const pollers = { type: 'simple-maximum', maximum: 5 };
  const worker = await Worker.create({
    connection,
    namespace: 'default',
    taskQueue: process.argv[2],
    workflowBundle: { codePath: process.env.BUNDLE },
    activities: require(process.argv[3] ?? './activities'),
    maxCachedWorkflows: 500,
    maxConcurrentWorkflowTaskExecutions: 10,
    maxConcurrentActivityTaskExecutions: 10,
    maxConcurrentLocalActivityExecutions: 10,
    workflowTaskPollerBehavior: pollers,
    activityTaskPollerBehavior: pollers,
    shutdownGraceTime: '5 s',
  });
  await worker.run(); // SIGTERM ends it
  await connection.close();
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
