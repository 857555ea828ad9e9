//! `challenge-responder`: settings for the library that has the role.

use crate::clients::cluster;
use crate::config::{KubeconfigFile, Reader, Source};
use crate::exit::{Exit, Failure};
use crate::telemetry::logs;
use challenge_responder::{DatabaseUrl, ResponderError, Settings};
use sqlx::ConnectOptions as _;
use std::net::{Ipv4Addr, SocketAddr};

/// Runs the role until it is told to stop.
pub(crate) async fn run(source: &Source) -> Result<Exit, Failure> {
    let mut reader = Reader::new(source);
    let port = reader.port("PORTAL_DOMAIN_CHALLENGE_PORT", 8089);
    let listen = reader
        .parsed("PORTAL_DOMAIN_CHALLENGE_LISTEN", "must be ip:port")
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    let level = crate::config::log_level(&mut reader, "info");
    let namespace = reader.text_or("PORTAL_DOMAIN_CERT_NAMESPACE", "msp");
    let kubeconfig = KubeconfigFile::read(&mut reader, &["PORTAL_DOMAIN_KUBECONFIG", "KUBECONFIG"]);
    let in_cluster = reader.text("KUBERNETES_SERVICE_HOST").is_some();
    let database = crate::config::responder_database(&mut reader);
    reader.finish(()).map_err(|problems| Failure::of(Exit::No, problems))?;
    logs::install(&level, logs::Reader::Machine, None);

    let kube =
        if kubeconfig.is_some() || in_cluster { Some(cluster::of_setting(kubeconfig.as_ref()).await?) } else { None };
    let settings = Settings {
        kube,
        challenge_namespace: Some(namespace),
        database_url: database.map(|options| DatabaseUrl::new(options.to_url_lossy().as_str())),
        ..Settings::new(listen)
    };
    match challenge_responder::run(settings).await {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            let exit = match &error {
                ResponderError::NoSource | ResponderError::HealthPaths { .. } | ResponderError::DatabaseUrl => Exit::No,
                ResponderError::Listen { .. } => Exit::Refused,
                ResponderError::Signals(_) | ResponderError::Serve(_) => Exit::Internal,
            };
            Err(Failure::of(exit, error))
        }
    }
}
