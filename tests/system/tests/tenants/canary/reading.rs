//! Pages of local servers, and every text of a history with its position.

use crate::world::World;
use anyhow::{Context as _, ensure};
use data_encoding::BASE64;
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A page of a local server. HTTP/1.0, so that no chunk begins in the middle of what is searched for.
pub(crate) async fn page(world: &World, port: &str, path: &str) -> anyhow::Result<String> {
    let port = world.rig.stack.port(port).with_context(|| format!("the stack has no port {port}"))?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no body")?;
    ensure!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    Ok(body.to_owned())
}

/// Every text of a JSON value, with its path.
pub(super) fn texts(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, path, found)),
        Value::Object(fields) => {
            // A payload with further metadata is not shown as its content, but as bytes.
            let bytes = fields.get("data").and_then(Value::as_str).filter(|_| fields.contains_key("metadata"));
            if let Some(bytes) = bytes.and_then(|text| BASE64.decode(text.as_bytes()).ok()) {
                match serde_json::from_slice(&bytes) {
                    Ok(content) => texts(&content, path, found),
                    Err(_) => found.push((path.to_owned(), String::from_utf8_lossy(&bytes).into_owned())),
                }
            }
            for (name, value) in fields {
                if name == "payloads" {
                    texts(value, path, found);
                    continue;
                }
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.push((path.clone(), name.clone()));
                texts(value, &path, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The texts of a history, each with its position: which payload of which event, and where in it.
pub(super) fn positions(workflow: &str, history: &Value) -> Vec<(String, String)> {
    let events = history["history"]["events"].as_array().cloned().unwrap_or_default();
    let mut scheduled: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &events {
        let id = event["eventId"].as_str().unwrap_or_default().to_owned();
        for (name, attributes) in event.as_object().into_iter().flatten().filter(|(_, value)| value.is_object()) {
            let kind = name.trim_end_matches("EventAttributes");
            let activity = attributes["activityType"]["name"].as_str().map(str::to_owned);
            if let Some(activity) = &activity {
                scheduled.insert(id.clone(), activity.clone());
            }
            let of = |id: &Value| scheduled.get(id.as_str().unwrap_or_default()).cloned().unwrap_or_default();
            let (place, payload) = match kind {
                "workflowExecutionStarted" => (format!("start {workflow}"), "input"),
                "workflowExecutionCompleted" => (format!("end {workflow}"), "result"),
                "activityTaskScheduled" => (format!("input {}", activity.unwrap_or_default()), "input"),
                "activityTaskCompleted" => (format!("result {}", of(&attributes["scheduledEventId"])), "result"),
                "startChildWorkflowExecutionInitiated" => {
                    (format!("start {}", attributes["workflowType"]["name"].as_str().unwrap_or_default()), "input")
                }
                other => (other.to_owned(), ""),
            };
            for (field, value) in attributes.as_object().into_iter().flatten() {
                let mut inside = Vec::new();
                texts(value, "", &mut inside);
                let prefix = if field == payload { place.clone() } else { format!("{kind}.{field}") };
                found.extend(inside.into_iter().map(|(path, text)| (format!("{prefix}: {path}"), text)));
            }
        }
    }
    found
}
