//! See [`bench::worker`].

fn main() -> anyhow::Result<()> {
    bench::worker::run()
}
