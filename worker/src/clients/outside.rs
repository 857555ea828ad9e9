//! The outside as visitors and authorities see it: DNS from the root down, and the probe over it.

use crate::config::{PortalSettings, Reader, Source};
use crate::exit::{Exit, Failure};
use dns::DnsActivities;
use futures::future::BoxFuture;
use probe::{Probe, ResolveError, ResolveHost};
use proto::v1::{ProbeLook, ProbeRequest};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

/// The probe resolves through the same client that judges DNS, so both see the same world.
struct FromAuthorities(DnsActivities);

impl ResolveHost for FromAuthorities {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move { self.0.addresses(host).await.map_err(|error| ResolveError(error.to_string())) })
    }
}

/// DNS as the authorities publish it.
pub(crate) fn dns(settings: &PortalSettings) -> DnsActivities {
    let mut dns = dns::Settings::new(settings.network.clone());
    if !settings.dns_root_hints.is_empty() {
        dns.root_hints.clone_from(&settings.dns_root_hints);
    }
    dns.authoritative_port = settings.dns_authoritative_port;
    dns.resolvers.clone_from(&settings.dns_resolvers);
    DnsActivities::new(dns)
}

/// The probe over that DNS.
pub(crate) fn probe(settings: &PortalSettings, dns: DnsActivities) -> Probe {
    let mut probe = probe::Settings::new(settings.network.clone(), Arc::new(FromAuthorities(dns)));
    probe.http_port = settings.external_http_port;
    probe.https_port = settings.external_https_port;
    probe.extra_ca_file.clone_from(&settings.probe_ca_file);
    Probe::new(probe)
}

/// Settings for commands that only look: the application's host, which only an apply needs, may be absent.
///
/// # Errors
/// `No` with every problem.
pub(crate) fn settings_for_looks(source: &Source) -> Result<PortalSettings, Failure> {
    let source = source.with_default("PORTAL_DOMAIN_SERVICE_HOST", "none.invalid");
    let mut reader = Reader::new(&source);
    let production = reader.text("NODE_ENV").as_deref() == Some("production");
    let settings = PortalSettings::read(&mut reader, production);
    reader.finish(settings).map_err(|problems| Failure::of(Exit::No, problems))
}

/// Unix milliseconds of the system's clock.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// One look at a live host.
///
/// # Errors
/// Settings; what the look saw is data.
pub(crate) async fn look(source: &Source, host: &str, nonce: &str) -> Result<ProbeLook, Failure> {
    let settings = settings_for_looks(source)?;
    let probe = probe(&settings, dns(&settings));
    let request =
        ProbeRequest { host: host.to_owned(), nonce: nonce.to_owned(), now_ms: now_ms(), ..ProbeRequest::default() };
    Ok(probe.look(&request).await)
}
