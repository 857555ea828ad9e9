//! See [`bench::redemptions`].

fn main() -> anyhow::Result<()> {
    bench::redemptions::run()
}
