//! Two ways to load the service: as much as it carries, and at a rate of its own.

use super::client::{Client, source};
use super::codes::Code;
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Connections of a load with a rate: more than are ever waited for, unless the service stands still.
const OPEN_WIDTH: usize = 64;

/// What became of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How long each answer took.
    pub(crate) took: Vec<Duration>,
    /// Answers other than 200, by status; 0 for a broken connection, 1 for a licence that is missing or too much.
    pub(crate) errors: BTreeMap<u16, usize>,
    /// From the first request to the last answer.
    pub(crate) whole: Duration,
}

impl Outcome {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.whole.as_secs_f64()
    }

    fn of(parts: Vec<Self>, whole: Duration) -> Self {
        let mut all = Self { whole, ..Self::default() };
        for part in parts {
            all.took.extend(part.took);
            for (status, count) in part.errors {
                *all.errors.entry(status).or_default() += count;
            }
        }
        all
    }
}

/// Redeems all codes over `width` connections, each with its next request as soon as it has an answer.
///
/// # Errors
/// The service cannot be reached.
pub(crate) async fn full(
    address: SocketAddr,
    codes: Vec<Code>,
    width: usize,
    sources: usize,
) -> anyhow::Result<Outcome> {
    let next = Arc::new(Mutex::new(codes.into_iter().enumerate()));
    let clients = try_join_all((0..width).map(|_| Client::connect(address))).await?;
    let begin = Instant::now();
    let works = clients.into_iter().map(|mut client| {
        let next = Arc::clone(&next);
        tokio::spawn(async move {
            let mut outcome = Outcome::default();
            let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((index, code)) = take() {
                redeem(&mut client, index % sources, &code, Instant::now(), &mut outcome).await;
            }
            outcome
        })
    });
    let parts = try_join_all(works).await?;
    Ok(Outcome::of(parts, begin.elapsed()))
}

/// Redeems a code every `pause`, whether the answers to those before are there or not. Time runs from when a request was due,
/// so that a service that falls behind shows it.
///
/// # Errors
/// The service cannot be reached.
pub(crate) async fn open(
    address: SocketAddr,
    codes: Vec<Code>,
    pause: Duration,
    sources: usize,
) -> anyhow::Result<Outcome> {
    let clients = try_join_all((0..OPEN_WIDTH).map(|_| Client::connect(address))).await?;
    let (send, receive) = mpsc::unbounded_channel::<(usize, Code, Instant)>();
    let receive = Arc::new(tokio::sync::Mutex::new(receive));
    let works: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let receive = Arc::clone(&receive);
            tokio::spawn(async move {
                let mut outcome = Outcome::default();
                loop {
                    let due = receive.lock().await.recv().await;
                    let Some((index, code, due)) = due else { return outcome };
                    redeem(&mut client, index % sources, &code, due, &mut outcome).await;
                }
            })
        })
        .collect();
    let begin = Instant::now();
    for (index, code) in codes.into_iter().enumerate() {
        let due = begin + pause.mul_f64(index as f64);
        tokio::time::sleep_until(due.into()).await;
        send.send((index, code, due))?;
    }
    drop(send);
    let parts = try_join_all(works).await?;
    Ok(Outcome::of(parts, begin.elapsed()))
}

async fn redeem(client: &mut Client, from: usize, code: &Code, begin: Instant, outcome: &mut Outcome) {
    let key = code.id.simple().to_string();
    let reply = client.register(source(from), &key, &code.text).await;
    outcome.took.push(begin.elapsed());
    let error = match reply {
        Err(_) => Some(0),
        Ok(reply) if reply.status != 200 => Some(reply.status.as_u16()),
        Ok(reply) => {
            let licensed = reply.body.windows(11).any(|text| text == br#""first_jwt""#);
            (licensed != code.paid).then_some(1)
        }
    };
    if let Some(status) = error {
        *outcome.errors.entry(status).or_default() += 1;
    }
}
