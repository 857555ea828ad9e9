//! Ends a stack in the foreground when its owner is gone, also after `kill -9`: the owner holds the other end of our
//! standard input, which the kernel closes with it.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::state::State;

/// The owner may take this long to be gone after its end of the pipe was closed.
const OWNER_ENDS: Duration = Duration::from_secs(5);

/// Waits for the end of standard input, then ends the stack of the folder.
pub(super) async fn run(root: &Path) -> anyhow::Result<()> {
    // Any end will do, an error too.
    let _ = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await;
    if let Some(owner) = State::read(root).and_then(|state| state.owner) {
        owner.ended_within(OWNER_ENDS).await;
    }
    crate::down(root).await?;
    Ok(())
}
