//! See [`bench::tenants::beside_node`].

fn main() -> anyhow::Result<()> {
    bench::tenants::beside_node()
}
