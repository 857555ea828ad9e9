//! Keys, payloads and a log for the tests of this crate.

use contract::sensitive::{MARK, MARKED};
use credentials::{KeyFile, SealingKeys};
use data_encoding::BASE64;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use temporalio_common::protos::temporal::api::common::v1::Payload;
use tracing::dispatcher::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The text of a key file. A key is 32 bytes that ascend from the given one.
pub(crate) fn file(keys: &[(&str, u8)]) -> String {
    let line = |(id, first): &(&str, u8)| {
        let key: [u8; 32] = std::array::from_fn(|index| first.wrapping_add(index as u8));
        format!("{id} {}\n", BASE64.encode(&key))
    };
    keys.iter().map(line).collect()
}

pub(crate) fn keys(keys: &[(&str, u8)]) -> SealingKeys {
    KeyFile::parse(&file(keys)).unwrap().sealing
}

/// A payload as any caller sends it.
pub(crate) fn plain(data: &str) -> Payload {
    let metadata = [("encoding".to_owned(), b"json/plain".to_vec())].into();
    Payload { metadata, data: data.into(), ..Payload::default() }
}

/// The same with the mark.
pub(crate) fn marked(data: &str) -> Payload {
    let mut payload = plain(data);
    payload.metadata.insert(MARK.to_owned(), MARKED.to_vec());
    payload
}

/// What this thread logs while the guard lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        (log, tracing::dispatcher::set_default(&subscriber.into()))
    }

    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
