//! The one stack of this binary.

use crate::world::World;
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::runtime::Runtime;

struct Shared {
    runtime: Runtime,
    world: World,
    turn: Mutex<()>,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Runs a test on the shared stack, alone. The stack ends with the process: its parts are told by a closed pipe.
pub(crate) fn on_the_stack<F, Fut>(test: F)
where
    F: FnOnce(&'static World) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let shared = SHARED.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let world = runtime.block_on(World::start()).expect("the stack starts");
        Shared { runtime, world, turn: Mutex::new(()) }
    });
    let _turn = shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = shared.runtime.block_on(async {
        shared.world.all_well().await?;
        Box::pin(test(&shared.world)).await
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}
