//! What must hold in every life, checked while it is lived.

use super::world::World;
use proto::v1 as wire;
use serde_json::Value;

/// Found and mended by one round: where a request follows within the same wake, the row is written after the mending. A
/// renewal that falls onto the burst at a seam did that in two of three runs beside a build.
const MENDED_AT_ONCE: [&str; 1] = ["SECRET_NOT_MIRRORED"];

impl World {
    /// The run's own probe.
    pub(super) fn probe_of_the_run(&mut self, now_ms: i64, newest: &str) -> wire::ProbeLook {
        let look = self.probe(now_ms, newest);
        let finding = look.finding.clone().unwrap_or_default();
        self.probe_was_good = finding.state.starts_with("serving");
        if !finding.reason.is_empty() {
            self.told.insert(finding.reason);
        }
        look
    }

    /// A report to the row: `active` is entered only by a good probe, and what is shown is remembered.
    pub(super) fn report(&mut self, now_ms: i64, request: &wire::WriteStatusRequest) -> wire::WriteStatusReply {
        let before = self.store.status().to_owned();
        let reply = self.store.write(request);
        if reply.outcome != "written" {
            return reply;
        }
        if request.status != before {
            self.note(now_ms, format!("status {}", request.status));
            if request.status == "active" && !self.probe_was_good {
                self.violations.push(format!("active after {before} without a good probe"));
            }
        }
        if request.status_message.contains('{') {
            self.violations.push(format!("the tenant reads {:?}", request.status_message));
        }
        let health = request.details.get("health").map(String::as_str).unwrap_or_default();
        let health: Value = serde_json::from_str(health).unwrap_or_default();
        let axes = health["axes"].as_object().into_iter().flat_map(|axes| axes.values());
        for reason in axes.map(|axis| &axis["reason"]).chain([&health["reason"]]).filter_map(Value::as_str) {
            if !reason.is_empty() {
                self.shown.insert(reason.to_owned());
            }
        }
        reply
    }

    /// What the world has to say against this life.
    pub(super) fn complaints(&self) -> Vec<String> {
        let unseen = self.told.difference(&self.shown).filter(|reason| !MENDED_AT_ONCE.contains(&reason.as_str()));
        let unseen = unseen.map(|reason| format!("{reason} was found and never shown"));
        self.violations.iter().cloned().chain(unseen).collect()
    }
}
