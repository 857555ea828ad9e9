//! Copies the descriptors of Temporal's messages, which read the JSON of recorded histories.

use std::path::PathBuf;

fn main() {
    // `temporalio-protos` publishes the path through `links` metadata.
    let source =
        std::env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH").expect("temporalio-protos names its descriptors");
    let target = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("temporal.bin");
    std::fs::copy(&source, target).expect("could not copy the descriptors");
    println!("cargo:rerun-if-changed={source}");
}
