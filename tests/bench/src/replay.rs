//! CPU that `tenantry replay` takes per event, on the recorded histories of domains: `TENANTRY_BINARY` replays each once and
//! then many times, and the difference leaves its start out. `BENCH_COPIES` (200), `BENCH_ROUNDS` (5).

use crate::measure::{median, number};
use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

static DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/temporal.bin"));

/// One recorded history in both forms that the command reads.
struct Recorded {
    json: PathBuf,
    protobuf: PathBuf,
    events: usize,
}

/// Runs the program.
///
/// # Errors
/// A history cannot be read, or its replay failed.
pub fn run() -> anyhow::Result<()> {
    let binary = std::env::var_os("TENANTRY_BINARY").map(PathBuf::from);
    let binary = binary.context("set TENANTRY_BINARY to a release build of the executable")?;
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../histories/portalDomainRegistrationWorkflow");
    let folder = std::env::temp_dir().join(format!("tenantry-replay-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&binary, &recorded, &folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

/// The file of one form.
type Form = fn(&Recorded) -> &PathBuf;

fn measure(binary: &Path, recorded: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut histories = Vec::new();
    let mut payloads = Vec::new();
    for release in std::fs::read_dir(recorded)? {
        for entry in std::fs::read_dir(release?.path())? {
            let path = entry?.path();
            histories.push(convert(&path, folder, histories.len(), &mut payloads)?);
        }
    }
    let events: usize = histories.iter().map(|history| history.events).sum();
    payloads.sort_unstable();
    let at = |percent: usize| payloads.get(payloads.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
    println!(
        "{} histories, {events} events; payloads: median {} B, p95 {} B, largest {} B",
        histories.len(),
        at(50),
        at(95),
        at(100)
    );
    let copies = number("BENCH_COPIES", 200);
    let forms: [(&str, Form); 2] =
        [("protobuf", |history| &history.protobuf), ("JSON of the CLI", |history| &history.json)];
    for (form, of) in forms {
        let files: Vec<&PathBuf> = histories.iter().map(of).collect();
        let mut costs = Vec::new();
        for _ in 0..number("BENCH_ROUNDS", 5) {
            let once = cpu_of(binary, &files, 1)?;
            let many = cpu_of(binary, &files, copies + 1)?;
            costs.push((many - once) / (events * copies) as f64 * 1e6);
        }
        costs.sort_by(f64::total_cmp);
        let shown: Vec<String> = costs.iter().map(|cost| format!("{cost:.1}")).collect();
        println!("replay from {form}: {:.1} µs CPU per event (rounds: {})", median(&costs), shown.join(" "));
    }
    Ok(())
}

/// CPU seconds of one run of the command that reads every file `times` times.
fn cpu_of(binary: &Path, files: &[&PathBuf], times: usize) -> anyhow::Result<f64> {
    let before = children()?;
    let mut command = Command::new(binary);
    command.arg("replay");
    for _ in 0..times {
        command.args(files);
    }
    let status = command.stdout(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "the replay failed: {status}");
    Ok(children()? - before)
}

/// CPU seconds, user and system, of all children that have ended.
fn children() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}

/// Writes a history as protobuf, and notes the sizes of its payloads.
fn convert(json: &Path, folder: &Path, number: usize, payloads: &mut Vec<usize>) -> anyhow::Result<Recorded> {
    let bytes = std::fs::read(json)?;
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    let form = pool.get_message_by_name("temporal.api.history.v1.History").context("no such message")?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let message = DynamicMessage::deserialize(form, &mut reader)?;
    let protobuf = folder.join(format!("{number}.bin"));
    std::fs::write(&protobuf, message.encode_to_vec())?;
    let value: serde_json::Value = serde_json::from_slice(&bytes)?;
    sizes(&value, payloads);
    let events = value["events"].as_array().map_or(0, Vec::len);
    Ok(Recorded { json: json.to_owned(), protobuf, events })
}

/// A payload is an object with `data` in base64.
fn sizes(value: &serde_json::Value, into: &mut Vec<usize>) {
    match value {
        serde_json::Value::Object(map) => {
            if let Some(data) = map.get("data").and_then(serde_json::Value::as_str) {
                into.push(data.len() / 4 * 3);
            }
            map.values().for_each(|inner| sizes(inner, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|inner| sizes(inner, into)),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
