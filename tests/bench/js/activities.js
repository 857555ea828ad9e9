// The same activity as ../src/worker/workflows.rs.
exports.step = async ({ step, note }) => ({ step, note });
