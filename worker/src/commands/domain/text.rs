//! Answers as text for people.

use proto::v1::{AxisExplanation, ExplainReply, StatusReply};
use std::time::{Duration, UNIX_EPOCH};
use store::{DomainDetail, DomainSummary};

/// Axes from upstream to downstream.
const AXES: [&str; 5] = ["policy", "ownership", "dns", "certificate", "edge"];

/// Unix microseconds as ISO 8601 with milliseconds; a dash for none.
pub(super) fn instant_us(us: i64) -> String {
    match u64::try_from(us) {
        Ok(us) => humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_micros(us)).to_string(),
        Err(_) => "-".to_owned(),
    }
}

fn field(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        out.push_str(&format!("  {name:<12} {value}\n"));
    }
}

fn reason(reason: &str, actor: &str) -> String {
    match (reason, actor) {
        ("", _) => String::new(),
        (reason, "" | "none") => reason.to_owned(),
        (reason, actor) => format!("{reason} ({actor} must act)"),
    }
}

/// The `status` answer.
pub(super) fn status(reply: &StatusReply) -> String {
    let serving = if reply.serving_now { ", serving" } else { "" };
    let mut out = format!("{}  {} ({}{serving})\n", reply.host, reply.status, reply.phase);
    field(&mut out, "message", &reply.message);
    field(&mut out, "reason", &reason(&reply.reason, &reply.actor));
    field(&mut out, "since", &reply.since);
    field(&mut out, "next check", &reply.next_check_at);
    let axes: Vec<String> = AXES
        .iter()
        .filter_map(|axis| {
            let excerpt = reply.axes.get(*axis)?;
            let reason = if excerpt.reason.is_empty() { String::new() } else { format!(" [{}]", excerpt.reason) };
            Some(format!("{axis} {}{reason}", excerpt.state))
        })
        .collect();
    field(&mut out, "axes", &axes.join(" · "));
    for action in &reply.actions {
        field(&mut out, "to do", &format!("{} {} {} {}", action.action, action.name, action.r#type, action.value));
    }
    field(&mut out, "build", &reply.worker_build);
    out
}

/// The row alone.
pub(super) fn row(row: &DomainSummary, silent: &str) -> String {
    let mut out = format!("{}  {}  (from the row)\n", row.domain, row.status);
    field(&mut out, "message", &row.status_message);
    field(&mut out, "checked", &instant_us(row.last_checked_us));
    field(&mut out, "run", silent);
    out
}

fn axis(out: &mut String, axis: &AxisExplanation) {
    out.push_str(&format!("\n{}: {}\n", axis.axis, axis.state));
    field(out, "reason", &reason(&axis.reason, &axis.actor));
    field(out, "meaning", &axis.message);
    field(out, "remedy", &axis.remedy);
    field(out, "since", &axis.since);
    field(out, "checked", &axis.last_checked_at);
    field(out, "next check", &axis.next_check_at);
    field(out, "last good", &axis.last_good_at);
    field(out, "agreement", &axis.confidence);
    if !axis.unknown_since.is_empty() {
        field(out, "could not", &format!("tell since {} [{}]", axis.unknown_since, axis.unknown_reason));
    }
}

/// The `explain` answer.
pub(super) fn explain(reply: &ExplainReply) -> String {
    let mut out = reply.status.as_ref().map(status).unwrap_or_default();
    field(&mut out, "waiting for", &reply.waiting_for);
    field(&mut out, "generation", &reply.generation.to_string());
    if !reply.certificate_fingerprint_sha256.is_empty() {
        let text = format!("{} until {}", reply.certificate_fingerprint_sha256, reply.certificate_not_after);
        field(&mut out, "certificate", &text);
    }
    for explained in &reply.axes {
        axis(&mut out, explained);
        for seen in reply.observations.iter().filter(|seen| seen.axis == explained.axis) {
            let meaning = if seen.meaning.is_empty() { String::new() } else { format!(" → {}", seen.meaning) };
            out.push_str(&format!("    {}  {}  {} = {}{meaning}\n", seen.at, seen.server, seen.question, seen.answer));
        }
    }
    if !reply.objects.is_empty() {
        out.push_str("\nobjects that it owns or is about to own\n");
        for object in &reply.objects {
            out.push_str(&format!("  {:<16} {}/{}\n", object.kind, object.namespace, object.name));
        }
    }
    out
}

/// What the database has, when no run answers.
pub(super) fn detail(detail: &DomainDetail, silent: &str) -> String {
    let mut out = match &detail.row {
        Some(found) => row(found, silent),
        None => "no row: the domain was removed; what follows is what was known last\n".to_owned(),
    };
    if let Some(claim) = &detail.claim {
        field(&mut out, "generation", &claim.generation.to_string());
        field(&mut out, "proven by", &claim.proof_method);
    }
    for axis in &detail.axes {
        let word = |name: &str| axis.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let code = word("reason");
        let code = if code.is_empty() { code } else { format!(" [{code}]") };
        field(&mut out, &word("axis"), &format!("{}{code}", word("state")));
    }
    for object in &detail.inventory {
        field(&mut out, "object", &format!("{} {}/{}", object.kind, object.namespace, object.name));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::{Action, AxisExcerpt, Observation};

    fn reply() -> StatusReply {
        StatusReply {
            host: "portal.acme.test".to_owned(),
            status: "verifying_dns".to_owned(),
            phase: "awaiting_dns".to_owned(),
            reason: "DNS_NO_RECORDS".to_owned(),
            actor: "tenant".to_owned(),
            message: "No record for portal.acme.test yet.".to_owned(),
            axes: [("dns".to_owned(), AxisExcerpt { state: "absent".to_owned(), reason: "DNS_NO_RECORDS".to_owned() })]
                .into(),
            actions: vec![Action {
                action: "add".to_owned(),
                r#type: "CNAME".to_owned(),
                name: "portal.acme.test".to_owned(),
                value: "x.test".to_owned(),
            }],
            ..Default::default()
        }
    }

    #[test]
    fn status_says_why_who_and_what_to_do() {
        let expected = "portal.acme.test  verifying_dns (awaiting_dns)\n  message      No record for portal.acme.test yet.\n  \
                        reason       DNS_NO_RECORDS (tenant must act)\n  axes         dns absent [DNS_NO_RECORDS]\n  \
                        to do        add portal.acme.test CNAME x.test\n";
        assert_eq!(status(&reply()), expected);
    }

    #[test]
    fn explain_puts_observations_below_their_axis() {
        let explained = ExplainReply {
            status: Some(reply()),
            axes: vec![AxisExplanation { axis: "dns".to_owned(), state: "absent".to_owned(), ..Default::default() }],
            observations: vec![Observation {
                axis: "dns".to_owned(),
                server: "ns1 127.0.0.3".to_owned(),
                question: "CNAME".to_owned(),
                answer: "NXDOMAIN".to_owned(),
                at: "T".to_owned(),
                meaning: String::new(),
            }],
            ..Default::default()
        };
        let text = explain(&explained);
        assert!(text.contains("\ndns: absent\n    T  ns1 127.0.0.3  CNAME = NXDOMAIN\n"), "{text}");
    }
}
