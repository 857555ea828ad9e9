//! Findings and evidence.

use crate::convert::Unreadable;
use model::finding::{AxisWord, Evidence, Finding};
use model::reason::{Axis, ReasonCode};
use proto::v1 as wire;

/// Writes a finding of any axis.
pub fn finding_to_wire<S: AxisWord>(finding: &Finding<S>) -> wire::Finding {
    wire::Finding {
        axis: S::AXIS.as_str().to_owned(),
        state: finding.state.map_or("unknown", AxisWord::word).to_owned(),
        reason: finding.reason.map_or("", ReasonCode::as_str).to_owned(),
        vars: finding.vars.clone(),
        agree: finding.agree,
        asked: finding.asked,
        evidence: finding.evidence.iter().map(evidence_to_wire).collect(),
    }
}

/// Reads a finding of one axis. An unknown state word is an error; an unknown reason code is dropped to none.
pub fn finding_from_wire<S: AxisWord>(finding: &wire::Finding) -> Result<Finding<S>, Unreadable> {
    if finding.axis != S::AXIS.as_str() {
        return Err(Unreadable { what: "axis", value: finding.axis.clone() });
    }
    let state = match finding.state.as_str() {
        "unknown" => None,
        word => Some(S::from_word(word).ok_or_else(|| Unreadable { what: "state", value: word.to_owned() })?),
    };
    Ok(Finding {
        state,
        reason: ReasonCode::parse(&finding.reason),
        vars: finding.vars.clone(),
        agree: finding.agree,
        asked: finding.asked,
        evidence: finding.evidence.iter().map(evidence_from_wire).collect(),
    })
}

/// Writes one piece of evidence.
pub fn evidence_to_wire(evidence: &Evidence) -> wire::Evidence {
    wire::Evidence {
        server: evidence.server.clone(),
        question: evidence.question.clone(),
        answer: evidence.answer.clone(),
        at_ms: evidence.at_ms,
    }
}

/// Reads one piece of evidence.
pub fn evidence_from_wire(evidence: &wire::Evidence) -> Evidence {
    Evidence {
        server: evidence.server.clone(),
        question: evidence.question.clone(),
        answer: evidence.answer.clone(),
        at_ms: evidence.at_ms,
    }
}

/// Reads an axis by its word.
pub fn axis_from_wire(word: &str) -> Result<Axis, Unreadable> {
    Axis::ALL
        .into_iter()
        .find(|axis| axis.as_str() == word)
        .ok_or_else(|| Unreadable { what: "axis", value: word.to_owned() })
}
