//! See [`bench::replay`].

fn main() -> anyhow::Result<()> {
    bench::replay::run()
}
