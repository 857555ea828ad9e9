//! See [`bench::licenses`].

fn main() -> anyhow::Result<()> {
    bench::licenses::run()
}
