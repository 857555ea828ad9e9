//! See [`bench::registrations`].

fn main() -> anyhow::Result<()> {
    bench::registrations::run()
}
