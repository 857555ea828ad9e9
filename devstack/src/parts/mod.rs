//! Parts that are ours: they run as `<executable> dev part <name> …`.

mod download_page;
mod reaper;
mod sample_app;
mod sample_shop;
mod selfcheck_proxy;

pub(crate) use download_page::DOWNLOAD_PATH;
pub use sample_shop::SAMPLE_PRICE;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Answers the part's name and arguments when the command line of this process asks for a part.
pub fn is_part_command(args: &[String]) -> Option<(String, Vec<String>)> {
    match args {
        [_, dev, part, name, rest @ ..] if dev == "dev" && part == "part" => Some((name.clone(), rest.to_vec())),
        _ => None,
    }
}

/// Runs one of our parts until the process is ended.
///
/// Parts: `dns CONFIG` (the sample zones), `selfcheck-proxy LISTEN RESOLVER EDGE_HTTP_PORT` (cert-manager's way to port
/// 80), `sample-app LISTEN` (what the edge routes to), `download-page LISTEN` (leads to the appliance's image), `reaper ROOT`
/// (ends the stack when its standard input ends).
///
/// # Errors
/// An unknown part, wrong arguments, or an address that is taken.
pub async fn run_part(name: &str, args: &[String]) -> anyhow::Result<()> {
    let arg = |index: usize, what: &str| args.get(index).with_context(|| format!("{name}: {what} is missing"));
    match name {
        "dns" => dns_server::serve(&PathBuf::from(arg(0, "configuration file")?)).await,
        "selfcheck-proxy" => {
            let proxy = selfcheck_proxy::Proxy {
                resolver: arg(1, "resolver")?.parse().context("resolver")?,
                edge_http: arg(2, "edge port")?.parse().context("edge port")?,
            };
            selfcheck_proxy::serve(arg(0, "address")?.parse().context("address")?, proxy).await
        }
        "sample-app" => sample_app::serve(arg(0, "address")?.parse().context("address")?).await,
        "download-page" => download_page::serve(arg(0, "address")?.parse().context("address")?).await,
        "reaper" => reaper::run(&PathBuf::from(arg(0, "data folder")?)).await,
        _ => bail!("no part is called {name}"),
    }
}
