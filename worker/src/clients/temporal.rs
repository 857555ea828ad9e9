//! The connection to Temporal: bounded, retried, without compression.

use crate::config::TemporalSettings;
use crate::exit::{Exit, Failure, OrExit as _};
use codec::{SensitiveCodec, WatchedKeys};
use std::time::Duration;
use temporalio_client::envconfig::DataSource;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression};
use temporalio_common::data_converters::{DataConverter, DefaultFailureConverter, PayloadConverter};
use temporalio_common::envconfig::ClientConfigTLS;
use temporalio_common::telemetry::metrics::TemporalMeter;
use temporalio_sdk::SimplePlugin;

/// Longest time to open a connection; the SDK has no bound of its own.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Pauses between two attempts of a worker, in seconds; the last one repeats.
const RETRY_SECONDS: [u64; 4] = [1, 2, 5, 10];

/// Options of a connection. Gzip is off: with the server nearby it costs 60 % more CPU per task and saves nothing.
///
/// # Errors
/// The address is no host:port, or a certificate file cannot be read.
pub(crate) fn options(settings: &TemporalSettings, meter: Option<TemporalMeter>) -> Result<ConnectionOptions, Failure> {
    let mut profile = settings.profile.clone();
    profile.address = Some(settings.address.clone());
    if let Some(key) = &settings.api_key {
        profile.api_key = Some(key.expose().to_owned());
    }
    if settings.tls {
        let mut tls = profile.tls.take().unwrap_or_else(|| ClientConfigTLS::builder().build());
        tls.disabled = Some(false);
        let path = |path: &std::path::Path| Some(DataSource::Path(path.display().to_string()));
        if let Some(ca) = &settings.ca_file {
            tls.server_ca_cert = path(ca);
        }
        if let Some((cert, key)) = &settings.identity_files {
            (tls.client_cert, tls.client_key) = (path(cert), path(key));
        }
        profile.tls = Some(tls);
    }
    // The error's text can repeat what a file held, so only the variables are named.
    let mut options = ConnectionOptions::try_from(profile).map_err(|_| {
        Failure::new(Exit::No, "TEMPORAL_ADDRESS or a TEMPORAL_TLS_* file cannot be used to reach Temporal")
    })?;
    options.identity = format!("tenantry@{}", std::process::id());
    options.connect_timeout = Some(CONNECT_MAX);
    options.grpc_compression = GrpcCompression::None;
    // One address: a ClusterIP or a proxy spreads the load behind it.
    options.dns_load_balancing = None;
    options.metrics_meter = meter;
    Ok(options)
}

/// Connects once; for commands, whose caller is a person or a script that can try again.
///
/// # Errors
/// `Unreachable` with the address.
pub(crate) async fn connect(settings: &TemporalSettings) -> Result<Client, Failure> {
    let connection = Connection::connect(options(settings, None)?).await.map_err(|error| {
        let why = innermost(&error);
        Failure::new(
            Exit::Unreachable,
            format!("could not reach Temporal at {} (TEMPORAL_ADDRESS): {why}", settings.address),
        )
    })?;
    let options = ClientOptions::new(settings.namespace.clone()).data_converter(converter(settings)?).build();
    Client::new(connection, options).map_err(|error| Failure::of(Exit::Internal, error))
}

/// Turns values into payloads; with a codec, marked ones are encrypted. Worker, commands and replay share it.
///
/// # Errors
/// The key file cannot be used.
pub(crate) fn converter(settings: &TemporalSettings) -> Result<DataConverter, Failure> {
    let Some(path) = &settings.codec_keys else { return Ok(DataConverter::default()) };
    let keys = WatchedKeys::open(path).or_exit(Exit::No, "could not use TENANTRY_CODEC_KEYS_FILE")?;
    let codec = SensitiveCodec::new(keys);
    Ok(DataConverter::new(PayloadConverter::default(), DefaultFailureConverter::default(), codec))
}

/// What the last cause of an error says; the SDK repeats the whole chain at each step.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// Connects, and goes on trying until it works. Dropping the future ends the attempts.
///
/// # Errors
/// The settings cannot be used; unreachable is not an error here.
pub(crate) async fn connect_patiently(
    settings: &TemporalSettings,
    meter: Option<TemporalMeter>,
    plugin: Option<SimplePlugin>,
) -> Result<Client, Failure> {
    let options = options(settings, meter)?;
    let mut pauses = RETRY_SECONDS.into_iter();
    let mut pause = 0;
    let connection = loop {
        match Connection::connect(options.clone()).await {
            Ok(connection) => break connection,
            Err(error) => {
                pause = pauses.next().unwrap_or(pause);
                tracing::warn!(
                    error = %error, retry_seconds = pause,
                    "could not reach Temporal at {}; trying again in {pause} s", settings.address
                );
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        }
    };
    let client = ClientOptions::new(settings.namespace.clone()).data_converter(converter(settings)?);
    let client = match plugin {
        Some(plugin) => client.plugin(plugin).build(),
        None => client.build(),
    };
    Client::new(connection, client).map_err(|error| Failure::of(Exit::Internal, error))
}
