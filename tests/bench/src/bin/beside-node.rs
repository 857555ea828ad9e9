//! See [`bench::node`].

fn main() -> anyhow::Result<()> {
    bench::node::run()
}
