//! Copies the descriptors of Temporal's messages, which read the JSON of its CLI, and names the build.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    // `temporalio-protos` publishes the path through `links` metadata.
    let source =
        std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH").expect("temporalio-protos names its descriptors");
    let target = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("temporal.bin");
    std::fs::copy(&source, target).expect("could not copy the descriptors");
    println!("cargo:rerun-if-changed={source}");
    println!("cargo:rerun-if-env-changed=TENANTRY_BUILD_ID");
    // A release knows its commit. A debug build does not ask: every commit would rebuild it.
    if std::env::var_os("TENANTRY_BUILD_ID").is_none()
        && std::env::var("PROFILE").as_deref() == Ok("release")
        && let Ok(answer) = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output()
        && answer.status.success()
    {
        let commit = String::from_utf8_lossy(&answer.stdout);
        println!("cargo:rustc-env=TENANTRY_BUILD_ID={}", commit.trim());
        println!("cargo:rerun-if-changed=../.git/HEAD");
    }
}
