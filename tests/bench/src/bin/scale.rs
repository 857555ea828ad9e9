//! See [`bench::scale`].

fn main() -> anyhow::Result<()> {
    bench::scale::run()
}
