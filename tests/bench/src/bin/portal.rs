//! See [`bench::portal`].

fn main() -> anyhow::Result<()> {
    bench::portal::run()
}
