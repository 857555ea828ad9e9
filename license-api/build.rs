//! Rebuilds the crate when a migration is added: the macro that embeds them sees only files that it knew before.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
