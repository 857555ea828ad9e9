//! Log lines: JSON on stderr for a server, short text on stderr for a person. Stdout belongs to a command's answer.

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The SDK formats every completion at `info` (a third of its CPU); libraries below it are as talkative.
const QUIET: [&str; 12] = [
    "temporalio_sdk",
    "temporalio_sdk_core",
    "temporalio_client",
    "temporalio_common",
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "rustls",
    "kube_client",
    "sqlx",
];

/// The SDK opens spans of its own, which its OpenTelemetry plugin exports already; here they would be exported twice.
const SDK_TARGETS: [&str; 3] = ["temporalio_sdk", "temporalio_sdk_core", "temporalio_client"];

/// Who reads the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A log collector: one JSON object a line.
    Machine,
    /// A person at a terminal.
    Person,
}

/// The filter: our own targets at `level`, the libraries' at `warn` or less.
fn directives(level: &str) -> String {
    let quiet = if level == "error" { level } else { "warn" };
    let libraries: Vec<String> = QUIET.iter().map(|target| format!("{target}={quiet}")).collect();
    format!("{level},{}", libraries.join(","))
}

/// Installs the process-wide subscriber. A second call changes nothing.
///
/// `level` is a word of `tracing`; the targets of the SDK and of the libraries below it stay at `warn`.
pub(crate) fn install(level: &str, reader: Reader, traces: Option<&SdkTracerProvider>) {
    let filter = || EnvFilter::new(directives(level));
    let (machine, person) = match reader {
        Reader::Machine => {
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_span_events(FmtSpan::NONE)
                .with_writer(std::io::stderr)
                .with_filter(filter());
            (Some(layer), None)
        }
        Reader::Person => {
            let layer = tracing_subscriber::fmt::layer()
                .compact()
                .without_time()
                .with_target(false)
                .with_writer(std::io::stderr)
                .with_filter(filter());
            (None, Some(layer))
        }
    };
    let spans = traces.map(|provider| {
        let targets = Targets::new()
            .with_default(tracing::Level::INFO)
            .with_targets(SDK_TARGETS.map(|target| (target, tracing::level_filters::LevelFilter::OFF)));
        let tracer = opentelemetry::trace::TracerProvider::tracer(provider, "tenantry");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(targets)
    });
    // An error means that a subscriber is there already, which only happens in tests.
    let _ = tracing_subscriber::registry().with(machine).with(person).with(spans).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_never_louder_than_we_are() {
        assert!(directives("debug").starts_with("debug,temporalio_sdk=warn,"));
        assert!(directives("error").starts_with("error,temporalio_sdk=error,"));
    }
}
