//! The object store's executable, built once from `devstack/object-store`: a package of its own, outside the workspace.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::{StartError, prepare};
use crate::fetch;
use crate::progress::Progress;
use crate::project::{cache_dir, key};

/// What the build depends on, below the checkout.
const SOURCES: [&str; 4] = [
    "devstack/object-store/Cargo.toml",
    "devstack/object-store/Cargo.lock",
    "devstack/object-store/src/main.rs",
    "rust-toolchain.toml",
];

/// Variables of a caller that would change what is built, or where.
const NOT_OURS: [&str; 4] = ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTFLAGS"];

/// Builds the object store and answers its executable.
pub(crate) async fn object_store(project: &Path, progress: &dyn Progress) -> Result<PathBuf, StartError> {
    let package = project.join("devstack/object-store");
    let read = || SOURCES.iter().map(|name| Ok((*name, fs::read(project.join(name))?))).collect::<io::Result<Vec<_>>>();
    let sources =
        read().map_err(|error| fetch::explain("read the object store's sources", &error.to_string(), &package))?;
    let inputs = sources.iter().map(|(name, raw)| (*name, raw.as_slice()));
    let entry = cache_dir().join(format!("object-store-{}", key(inputs)));
    fetch::once(&entry, &package, progress, async |building| build(&package, building, progress).await).await?;
    Ok(entry.join("bin/object-store"))
}

async fn build(package: &Path, building: &Path, progress: &dyn Progress) -> Result<Vec<PathBuf>, StartError> {
    // Cargo names itself to what it runs; else it is looked for.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    if let Err(error) = Command::new(&cargo).arg("--version").output().await {
        return Err(prepare(
            "find cargo",
            error.to_string(),
            "install Rust (https://rustup.rs), or put cargo on the PATH",
        ));
    }
    let (log, target) = (building.with_extension("log"), building.join("target"));
    let mut install = Command::new(cargo);
    install
        .args(["install", "--locked", "--debug", "--no-track", "--quiet", "--path"])
        .arg(package)
        .arg("--root")
        .arg(building)
        .arg("--target-dir")
        .arg(&target)
        // The toolchain file of the checkout counts.
        .current_dir(package);
    for name in NOT_OURS {
        install.env_remove(name);
    }
    fetch::run("build the object store (the first time 1 to 4 min on two cores)", &mut install, &log, progress).await?;
    let failed = |error: io::Error| fetch::explain("keep the object store", &error.to_string(), &log);
    fs::remove_dir_all(&target).map_err(failed)?;
    fs::remove_file(&log).map_err(failed)?;
    Ok(vec![PathBuf::from("bin/object-store")])
}
