//! The object store of the local stack: S3 over a folder, for holders of one key. It checks signatures of version 4, also those
//! in the query of a presigned link, with their expiry.
//!
//! `object-store ADDRESS FOLDER`; the key comes in `OBJECT_STORE_ACCESS_KEY` and `OBJECT_STORE_SECRET_KEY`, because arguments are
//! seen by every user of the machine. A bucket is a folder in `FOLDER`.
#![forbid(unsafe_code)]

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::env;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = env::args().skip(1);
    let address = args.next().context("the address is missing")?;
    let folder = args.next().context("the folder is missing")?;
    let setting = |name: &'static str| env::var(name).ok().filter(|value| !value.is_empty()).context(name);
    let key = SimpleAuth::from_single(setting("OBJECT_STORE_ACCESS_KEY")?, setting("OBJECT_STORE_SECRET_KEY")?);
    let files =
        s3s_fs::FileSystem::new(folder).map_err(|error| anyhow::anyhow!("could not open the folder: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    // With a key set, a request without a signature is refused.
    service.set_auth(key);
    let service = service.build();
    let listener = TcpListener::bind(&address).await.context("could not listen")?;
    eprintln!("object store is answering on {address}");
    loop {
        let (client, _) = listener.accept().await?;
        let exchange = http1::Builder::new().serve_connection(TokioIo::new(client), service.clone());
        // A client that goes away in the middle of an answer is nobody's error.
        tokio::spawn(async move { drop(exchange.await) });
    }
}
