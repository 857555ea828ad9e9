//! One look at a live host: TLS, our mark, the redirects and the application, at every published address.

use crate::activities::Probe;
use crate::connect::{DialError, dial, secure};
use crate::session::{Body, Session, head, read};
use crate::witness::Witness;
use futures::future::join_all;
use model::finding::Finding;
use model::portal::axis::EdgeState;
use model::portal::http01::{Hop, Scheme};
use model::portal::probe::{
    AddressLook, Answer, Contact, DASHBOARD_PATH, Expected, PATIENCE_MAX, PROBE_PATH, ProbeObservation, Secure, Site,
    Verdict, classify, retry_wait, while_propagating,
};
use proto::v1::{ProbeLook, ProbeRequest};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

impl Probe {
    /// Looks once at a live host from outside, whatever patience the request names. Repeatable; changes nothing.
    ///
    /// Takes at most twice [`Limits::look`](crate::Limits): one lookup, then all addresses together.
    pub async fn look(&self, request: &ProbeRequest) -> ProbeLook {
        let verdict = self.judge(request, Duration::ZERO).await;
        reply(verdict.finding.clone(), verdict, 1)
    }

    /// Looks until the host is good or the patience of the request (at most [`PATIENCE_MAX`]) is over, on the schedule
    /// 1, 1, 2, 3, 5, 8, 13 … s, and answers with what it saw last. Meant for the time after an apply: what is still bad
    /// within a minute of the first try is `EDGE_PROPAGATING`.
    ///
    /// Dropping the future ends every connection.
    pub async fn look_patiently(&self, request: &ProbeRequest) -> ProbeLook {
        let patience = Duration::from_millis(request.patience_ms.into()).min(PATIENCE_MAX);
        if patience.is_zero() {
            return self.look(request).await;
        }
        let began = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let verdict = self.judge(request, began.elapsed()).await;
            let waited = began.elapsed();
            if verdict.finding.state == Some(EdgeState::Serving) || waited >= patience {
                return reply(while_propagating(verdict.finding.clone(), waited), verdict, tries);
            }
            let wait = retry_wait(tries).as_secs_f64() * self.settings().limits.retry_unit.as_secs_f64();
            sleep(Duration::from_secs_f64(wait).min(patience.saturating_sub(waited))).await;
        }
    }

    async fn judge(&self, request: &ProbeRequest, since_begin: Duration) -> Verdict {
        let observation = self.observe(&request.host).await.unwrap_or_else(ProbeObservation::OwnSide);
        let since_begin = i64::try_from(since_begin.as_millis()).unwrap_or(0);
        let expected = Expected {
            host: &request.host,
            nonce: &request.nonce,
            fingerprint_sha256: &request.fingerprint_sha256,
            https_port: self.settings().https_port,
            now_ms: request.now_ms.saturating_add(since_begin),
        };
        classify(&observation, &expected)
    }

    async fn observe(&self, host: &str) -> Result<ProbeObservation, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| "not a host name".to_owned())?;
        let ServerName::DnsName(_) = name else { return Err("an address, not a host name".to_owned()) };
        let verifier = self.trust().verifier().await.map_err(|error| error.to_string())?;
        let addresses = self.published(host).await?;
        let looks = addresses.into_iter().map(|address| self.look_at(address, host, &name, &verifier));
        Ok(ProbeObservation::Addresses(join_all(looks).await))
    }

    async fn look_at(
        &self,
        address: IpAddr,
        host: &str,
        name: &ServerName<'static>,
        verifier: &Arc<WebPkiServerVerifier>,
    ) -> AddressLook {
        let contact = if self.settings().network.admits_address(address) {
            self.contact(address, host, name, Arc::clone(verifier)).await.unwrap_or_else(Contact::OwnSide)
        } else {
            Contact::NotAdmitted
        };
        AddressLook { address, contact }
    }

    /// The host's addresses: IPv4-mapped ones as IPv4, without doubles, at most [`Limits::addresses`](crate::Limits).
    pub(crate) async fn published(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let settings = self.settings();
        let found = match timeout(settings.limits.look, settings.resolver.addresses(host)).await {
            Ok(answer) => answer.map_err(|error| error.to_string())?,
            Err(_) => return Err("could not resolve the host: timed out".to_owned()),
        };
        let mut addresses = Vec::new();
        for address in found.into_iter().map(|address| address.to_canonical()) {
            if !addresses.contains(&address) && addresses.len() < settings.limits.addresses {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }

    async fn contact(
        &self,
        address: IpAddr,
        host: &str,
        name: &ServerName<'static>,
        verifier: Arc<WebPkiServerVerifier>,
    ) -> Result<Contact, String> {
        let deadline = Instant::now() + self.settings().limits.look;
        let visit = Visit {
            probe: self,
            address,
            authority: authority(host, Scheme::Https, self.settings().https_port),
            name: name.clone(),
            witness: Arc::new(Witness::new(verifier)),
            deadline,
            session: None,
        };
        let plain = self.plain(address, authority(host, Scheme::Http, self.settings().http_port), deadline);
        let (secure, plain) = futures::join!(visit.secure(), plain);
        Ok(Contact::Dialled { secure: secure?, plain: plain? })
    }

    async fn plain(&self, address: IpAddr, authority: String, deadline: Instant) -> Result<Answer, String> {
        let stream = match dial(address, self.settings().http_port, deadline).await {
            Ok(stream) => stream,
            Err(DialError::OwnSide(detail)) => return Err(detail),
            Err(DialError::Failed(detail)) => return Ok(Answer::Failed(format!("port 80: {detail}"))),
        };
        let answer = async {
            let response = Session::open(stream, deadline).await?.get(&authority, "/", deadline).await?;
            Ok(head(response.status().as_u16(), response.headers()))
        };
        Ok(answer.await.map_or_else(|detail: String| Answer::Failed(format!("port 80: {detail}")), Answer::Head))
    }
}

/// The requests over TLS to one address. They share one connection for as long as the server lets them.
struct Visit<'a> {
    probe: &'a Probe,
    address: IpAddr,
    authority: String,
    name: ServerName<'static>,
    witness: Arc<Witness>,
    deadline: Instant,
    session: Option<Session>,
}

impl Visit<'_> {
    /// `Err` only for our own side.
    async fn secure(mut self) -> Result<Secure, String> {
        let stream = match dial(self.address, self.probe.settings().https_port, self.deadline).await {
            Ok(stream) => stream,
            Err(DialError::OwnSide(detail)) => return Err(detail),
            Err(DialError::Failed(detail)) => return Ok(Secure::NoConnection(detail)),
        };
        let tls = secure(stream, self.name.clone(), Arc::clone(&self.witness) as Arc<_>, self.deadline).await;
        let (stream, leaf) = match (tls, self.witness.seen()) {
            (Ok(stream), Some((leaf, None))) => (stream, leaf),
            (_, Some((leaf, Some(fault)))) => return Ok(Secure::Untrusted(leaf, fault)),
            (Err(detail), None | Some((_, None))) => return Ok(Secure::NoHandshake(detail)),
            (Ok(_), None) => return Ok(Secure::NoHandshake("no certificate was shown".to_owned())),
        };
        self.session = Session::open(stream, self.deadline).await.ok();
        let mut site = Site { probe: Answer::NotAsked, root: Answer::NotAsked, dashboard: Answer::NotAsked };
        for (path, slot) in
            [(PROBE_PATH, &mut site.probe), ("/", &mut site.root), (DASHBOARD_PATH, &mut site.dashboard)]
        {
            *slot = self.get(path).await;
            if matches!(slot, Answer::Failed(_)) {
                break;
            }
        }
        Ok(Secure::Trusted(leaf, Box::new(site)))
    }

    /// One GET. A connection that the server closed meanwhile is replaced once.
    async fn get(&mut self, path: &str) -> Answer {
        let kept = self.session.take().filter(Session::is_open);
        let was_kept = kept.is_some();
        match self.get_over(kept, path).await {
            Ok(answer) => answer,
            Err(_) if was_kept && Instant::now() < self.deadline => {
                self.get_over(None, path).await.unwrap_or_else(Answer::Failed)
            }
            Err(detail) => Answer::Failed(detail),
        }
    }

    async fn get_over(&mut self, session: Option<Session>, path: &str) -> Result<Answer, String> {
        let mut session = match session {
            Some(session) => session,
            None => self.reconnect().await?,
        };
        let response = session.get(&self.authority, path, self.deadline).await?;
        let head = head(response.status().as_u16(), response.headers());
        // Only the head is judged, but a body that never ends is no answer for a visitor either.
        match read(response.into_body(), self.probe.settings().limits.body_bytes, self.deadline).await? {
            Body::Whole(_) => self.session = Some(session),
            Body::TooLong => {}
        }
        Ok(Answer::Head(head))
    }

    async fn reconnect(&self) -> Result<Session, String> {
        let stream =
            dial(self.address, self.probe.settings().https_port, self.deadline).await.map_err(|error| match error {
                DialError::OwnSide(detail) | DialError::Failed(detail) => detail,
            })?;
        let tls = secure(stream, self.name.clone(), Arc::clone(&self.witness) as Arc<_>, self.deadline).await?;
        Session::open(tls, self.deadline).await
    }
}

fn authority(host: &str, scheme: Scheme, port: u16) -> String {
    Hop { scheme, host: host.to_owned(), port, path: String::new() }.authority()
}

fn reply(finding: Finding<EdgeState>, verdict: Verdict, tries: u32) -> ProbeLook {
    let (fingerprint_sha256, not_after_ms) =
        verdict.leaf.map(|leaf| (leaf.fingerprint_sha256, leaf.not_after_ms)).unwrap_or_default();
    ProbeLook {
        finding: Some(contract::convert::finding_to_wire(&finding)),
        fingerprint_sha256,
        not_after_ms,
        https_status: verdict.https_status.unwrap_or_default().into(),
        tries,
    }
}
