//! `codec-server`: lets the Temporal UI and CLI show what is encrypted, to whom it may be shown.

use crate::config::{ClientSettings, Reader, Source};
use crate::exit::{Exit, Failure, OrExit as _};
use clap::Args;
use codec::server::{LISTEN, Settings, router};
use codec::{SensitiveCodec, WatchedKeys};
use secrecy::SecretString;
use std::net::SocketAddr;

/// Arguments of `codec-server`.
#[derive(Debug, Args)]
#[command(
    after_help = "Set PAYLOAD_CODEC=sensitive and TENANTRY_CODEC_KEYS_FILE, as for the worker. TENANTRY_CODEC_TOKEN asks \
                        every request for a bearer token; beyond this machine there must be one.\n\n\
                        Examples:\n  tenantry codec-server --origin https://temporal.example.com\n  \
                        temporal workflow show -w RUN --codec-endpoint http://127.0.0.1:8081"
)]
pub(crate) struct CodecServerArgs {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// A page that may ask through a browser: the origin of the Temporal UI. May be repeated.
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<String>,
}

/// Serves until it is told to stop.
pub(crate) async fn run(args: CodecServerArgs, source: &Source) -> Result<Exit, Failure> {
    crate::telemetry::logs::install(
        source.value("LOG_LEVEL").unwrap_or("info"),
        crate::telemetry::logs::Reader::Machine,
        None,
    );
    let temporal = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?.temporal;
    let path = temporal.codec_keys.ok_or_else(|| {
        Failure::new(
            Exit::No,
            "PAYLOAD_CODEC: must be sensitive, with TENANTRY_CODEC_KEYS_FILE: nothing else is encrypted",
        )
    })?;
    let mut reader = Reader::new(source);
    let token = reader.secret("TENANTRY_CODEC_TOKEN").map(|token| SecretString::from(token.expose()));
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    let settings =
        Settings::new(&args.origins, token.as_ref()).or_exit(Exit::Usage, "the codec server cannot start")?;
    settings.may_listen_on(args.listen).or_exit(Exit::Refused, "the codec server cannot start")?;
    let keys = WatchedKeys::open(path).or_exit(Exit::No, "could not use TENANTRY_CODEC_KEYS_FILE")?;
    let listener = tokio::net::TcpListener::bind(args.listen).await;
    let listener = listener.or_exit(Exit::Refused, "could not listen; end what listens there, or choose --listen")?;
    let address = listener.local_addr().or_exit(Exit::Internal, "could not read the address")?;
    tracing::info!(%address, "the codec server answers on {address}");
    axum::serve(listener, router(SensitiveCodec::new(keys), settings))
        .with_graceful_shutdown(crate::run::stop_asked())
        .await
        .or_exit(Exit::Internal, "the codec server failed")?;
    Ok(Exit::Ok)
}
