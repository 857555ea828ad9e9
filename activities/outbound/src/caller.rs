//! The client: one attempt per call, within limits, past the breaker of its host.

use crate::breaker::{Breaker, Change, Policy};
use crate::call::{Call, Reply, Want};
use crate::error::{CallError, Cause};
use crate::retry_after;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, Response, redirect, retry};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How we introduce ourselves.
const AGENT: &str = concat!("tenantry/", env!("CARGO_PKG_VERSION"));

/// Limits of every call (contract, R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the look-up of the name to the end of the TLS handshake.
    pub connect: Duration,
    /// From the look-up of the name to the last byte of the answer.
    pub total: Duration,
    /// Longest body of an answer that is read, in bytes.
    pub body_max: usize,
}

impl Default for Limits {
    /// 5 s, 20 s and 1 MiB: well within the 2 min and 5 min of an activity (contract, sections 3.3 and 8.2), above
    /// the seconds that Stripe takes for a write, and a hundred times the largest answer that is wanted here.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(20), body_max: 1024 * 1024 }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The process has installed no cryptographic provider for TLS.
    #[error("cannot make an HTTPS client: no TLS provider is installed in this process")]
    NoProvider,
    /// The system's trust anchors cannot be loaded.
    #[error("cannot make an HTTPS client")]
    Client(#[source] reqwest::Error),
}

/// Calls outside systems. One for the process: it holds what is known of each host.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    body_max: usize,
    policy: Policy,
    // Hosts come from settings, so there are a handful.
    breakers: Mutex<BTreeMap<String, Breaker>>,
}

impl Caller {
    /// A client with the default breaker. Redirects are not followed, nothing is repeated by itself, no proxy of the
    /// environment is used, and no connection is kept: a kept one that the host closes in the same moment would turn a
    /// call that was never read into one with an unknown outcome.
    ///
    /// # Errors
    /// [`SetupError`]; the rustls provider of the process is installed before.
    pub fn new(limits: Limits) -> Result<Self, SetupError> {
        Self::with_breaker(limits, Policy::default())
    }

    /// A client whose breakers follow `policy`.
    ///
    /// # Errors
    /// As [`Caller::new`].
    pub fn with_breaker(limits: Limits, policy: Policy) -> Result<Self, SetupError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(SetupError::NoProvider);
        }
        let client = Client::builder()
            .user_agent(AGENT)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, body_max: limits.body_max, policy, breakers: Mutex::default() })
    }

    /// Makes one attempt.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send(&self, call: Call) -> Result<Reply, CallError> {
        let host = call.endpoint.host().to_owned();
        if let Err(retry_after) = self.breaker(&host, |breaker| breaker.ask(Instant::now())) {
            return Err(CallError::NotAsked { host, retry_after });
        }
        let outcome = self.attempt(&host, call).await;
        let trouble = outcome.as_ref().is_err_and(CallError::is_trouble_of_the_host);
        let change = self.breaker(&host, |breaker| match trouble {
            true => breaker.failed(Instant::now()),
            false => breaker.succeeded(),
        });
        match change {
            Change::None => {}
            Change::Opened => {
                tracing::warn!(host, "{host} failed several times in a row and is left alone for a while")
            }
            Change::Closed => tracing::info!(host, "{host} answers again"),
        }
        outcome
    }

    fn breaker<T>(&self, host: &str, act: impl FnOnce(&mut Breaker) -> T) -> T {
        // A breaker is valid after each of its steps, so a panic elsewhere spoils nothing.
        let mut breakers: MutexGuard<'_, _> = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        act(breakers.entry(host.to_owned()).or_insert_with(|| Breaker::new(self.policy)))
    }

    async fn attempt(&self, host: &str, call: Call) -> Result<Reply, CallError> {
        let Call { method, endpoint, headers, body, want, codes } = call;
        let lost = Lost { host, reads: method == Method::GET };
        let mut request = self.client.request(method, endpoint.into_url()).headers(headers);
        if let Some(body) = body {
            request = request.body(body.bytes().to_vec());
        }
        let response = request.send().await.map_err(|error| lost.before_the_answer(&error))?;
        let status = response.status().as_u16();
        let host = host.to_owned();
        match status {
            200..=299 => match want {
                Want::Status => Ok(Reply { host, status, body: Vec::new() }),
                Want::Body => match read(response, self.body_max).await {
                    Read::Whole(body) => Ok(Reply { host, status, body }),
                    Read::TooLong => Err(CallError::TooLarge { host, status, limit_bytes: self.body_max }),
                    Read::Cut => Err(lost.within_the_answer()),
                },
            },
            400..=499 => {
                let told = told(&response);
                if codes.known.is_empty() {
                    return Err(CallError::of_status(host, status, None, told));
                }
                // A code that cannot be read is no code; the status alone says enough.
                let code = match read(response, self.body_max).await {
                    Read::Whole(body) => codes.find(&body),
                    Read::TooLong | Read::Cut => None,
                };
                Err(CallError::of_status(host, status, code, told))
            }
            _ => Err(CallError::of_status(host, status, None, told(&response))),
        }
    }
}

/// What the host asked for in `Retry-After`.
fn told(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry_after::parse(text, SystemTime::now())
}

/// A call whose answer did not arrive.
#[derive(Clone, Copy)]
struct Lost<'a> {
    host: &'a str,
    reads: bool,
}

impl Lost<'_> {
    fn before_the_answer(self, error: &reqwest::Error) -> CallError {
        // Only these two are known to come before the first byte of the request.
        if error.is_connect() || error.is_builder() {
            let host = self.host.to_owned();
            return CallError::Transient { host, cause: Cause::NoConnection, retry_after: None };
        }
        self.within_the_answer()
    }

    fn within_the_answer(self) -> CallError {
        let host = self.host.to_owned();
        match self.reads {
            true => CallError::Transient { host, cause: Cause::NoAnswer, retry_after: None },
            false => CallError::OutcomeUnknown { host },
        }
    }
}

/// A body as far as it was read.
enum Read {
    Whole(Vec<u8>),
    TooLong,
    Cut,
}

/// Reads a body chunk by chunk; what is announced as too long is not begun.
async fn read(mut response: Response, max: usize) -> Read {
    if response.content_length().is_some_and(|length| length > max as u64) {
        return Read::TooLong;
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max => return Read::TooLong,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Read::Whole(body),
            Err(_) => return Read::Cut,
        }
    }
}
