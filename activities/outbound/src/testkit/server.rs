//! The scripted server.

use super::http;
use super::{Answer, Recorded};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a test waits for a request before it fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Script {
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

#[derive(Default)]
struct World {
    scripts: BTreeMap<String, Script>,
    requests: Vec<Recorded>,
}

struct Shared {
    world: Mutex<World>,
    count: watch::Sender<usize>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the request and takes its answer: the next of the path's script, else what the path always answers, else 404.
    fn take(&self, request: &Recorded) -> Answer {
        let (answer, count) = {
            let mut world = self.world();
            world.requests.push(request.clone());
            let script = world.scripts.entry(request.path.clone()).or_default();
            let answer = script.next.pop_front().or_else(|| script.always.clone());
            (answer.unwrap_or(Answer::status(404)), world.requests.len())
        };
        self.count.send_replace(count);
        answer
    }
}

/// A server on an ephemeral port of loopback. It ends when it is dropped, with all its connections.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedServer {
    /// Starts it, without a script: every path answers 404.
    ///
    /// # Panics
    /// If loopback gives no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback gives a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { world: Mutex::default(), count: watch::Sender::new(0) });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds the answer to one request to this path, behind those that were added before.
    pub fn then(&self, path: &str, answer: Answer) {
        self.shared.world().scripts.entry(path.to_owned()).or_default().next.push_back(answer);
    }

    /// Sets the answer to every request to this path for which none was added.
    pub fn always(&self, path: &str, answer: Answer) {
        self.shared.world().scripts.entry(path.to_owned()).or_default().always = Some(answer);
    }

    /// All requests so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.world().requests.clone()
    }

    /// The requests to one path so far.
    pub fn requests_to(&self, path: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// Waits until so many requests to the path were read, and gives them.
    ///
    /// # Panics
    /// If they do not come within 30 s.
    pub async fn seen(&self, path: &str, count: usize) -> Vec<Recorded> {
        let mut changes = self.shared.count.subscribe();
        let enough = changes.wait_for(|_| self.requests_to(path).len() >= count);
        let waited = tokio::time::timeout(WAIT_MAX, enough).await;
        assert!(waited.is_ok(), "{count} requests to {path} within {WAIT_MAX:?}");
        drop(waited);
        self.requests_to(path)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = http::read_request(&mut stream).await else { return };
    let answer = shared.take(&request);
    // A client that goes away in the middle is what some tests are about.
    let _ = http::answer(&mut stream, &request, answer).await;
}

/// An address of loopback that refuses connections for as long as the socket is kept.
///
/// # Panics
/// If loopback gives no port.
pub fn refusing_address() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback gives a port");
    let address = socket.local_addr().expect("a bound socket has an address");
    (socket, address)
}

/// Installs ring as the TLS provider of the process, as `main` does; a second time it changes nothing.
pub fn install_tls_provider() {
    // It fails only if one is installed, and all our code installs the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
