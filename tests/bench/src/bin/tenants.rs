//! See [`bench::tenants`].

fn main() -> anyhow::Result<()> {
    bench::tenants::run()
}
