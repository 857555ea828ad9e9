//! Tells a person what the stack is doing while it downloads, builds and starts.

use std::io::Write as _;
use std::time::Duration;

/// Something worth a line.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Work began.
    Began(&'a str),
    /// Work goes on since that long.
    Still(&'a str, Duration),
    /// Work ended well after that long.
    Done(&'a str, Duration),
    /// Something to know.
    Note(&'a str),
}

/// Receives the events of [`crate::start`].
pub trait Progress: Send + Sync {
    /// Takes one event; called from several tasks.
    fn event(&self, event: Event<'_>);
}

/// Writes one line per event to standard error.
#[derive(Debug, Default)]
pub struct Lines;

impl Progress for Lines {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Began(what) => format!("  {what} …"),
            Event::Still(what, so_far) => format!("  {what} … {:.0} s", so_far.as_secs_f64()),
            Event::Done(what, took) => format!("  {what}: {:.1} s", took.as_secs_f64()),
            Event::Note(text) => format!("  {text}"),
        };
        // Nobody is helped by an error about a closed standard error.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
