//! The one stack of this binary.

use harness::Rig;
use std::sync::OnceLock;
use tokio::runtime::Runtime;

struct Shared {
    runtime: Runtime,
    rig: Rig,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Runs a test on the shared stack. The stack ends with the process: its parts are told by a closed pipe.
pub(crate) fn on_the_stack<F, Fut>(test: F)
where
    F: FnOnce(&'static Rig) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let shared = SHARED.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let rig = runtime.block_on(Rig::start("system")).expect("the stack starts");
        runtime.block_on(rig.settle_neighbour()).expect("the neighbour goes live");
        Shared { runtime, rig }
    });
    if let Err(error) = shared.runtime.block_on(test(&shared.rig)) {
        panic!("{error:#}");
    }
}
