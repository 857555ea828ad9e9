//! An HTTP server for tests, on loopback: it records requests and answers from a script, well or badly.
//!
//! It speaks HTTP/1.1 by hand, one request per connection, because a server library does not let a test cut a connection,
//! answer twice or answer nonsense.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use outbound::testkit::{Answer, Page, ScriptedServer};
//! let shop = ScriptedServer::start().await;
//! shop.then("/api/webhooks/temporal", Answer::Page(Page::status(503).with_header("retry-after", "7")));
//! shop.always("/api/webhooks/temporal", Answer::Page(Page::status(204)));
//! assert!(shop.base_url().starts_with("http://127.0.0.1:"));
//! # });
//! ```

mod answer;
mod http;
mod recorded;
mod server;

pub mod verify;

pub use answer::{Answer, Gate, Page};
pub use recorded::Recorded;
pub use server::{ScriptedServer, install_tls_provider, refusing_address};
