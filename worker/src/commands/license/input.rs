//! Files of the command line.

use crate::exit::{Exit, Failure, OrExit as _};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Most bytes of a file that is read here: a licence has 500, a set of keys a few thousand.
const FILE_MAX: u64 = 1024 * 1024;

/// Reads a small file whole. `tried` says what for, in an error.
pub(super) fn read(path: &Path, tried: &'static str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unusable(error, tried))?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).or_exit(Exit::Usage, tried)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Failure::new(Exit::Usage, format!("{tried}: it has more than 1 MiB")));
    }
    Ok(bytes)
}

/// What a file that cannot be used means: 3 when it is not there, as everywhere, otherwise 2.
pub(super) fn unusable(error: impl Into<anyhow::Error>, tried: &'static str) -> Failure {
    let error = error.into();
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    let exit = match causes.any(|cause| cause.kind() == std::io::ErrorKind::NotFound) {
        true => Exit::NotFound,
        false => Exit::Usage,
    };
    Failure { exit, error: error.context(tried) }
}
