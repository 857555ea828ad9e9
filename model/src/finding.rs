//! What one look at one axis found. A look that could not be made is a finding too: the state `unknown`.

use crate::reason::{Axis, ReasonCode};
use std::collections::BTreeMap;

/// Result of one look at one axis, before it is folded into the record.
///
/// `state` is a word of that axis (see the enums of [`crate::portal::axis`]) so that a finding of a newer build is carried
/// through an older one unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<S> {
    /// What was seen; `None` when we could not tell, which takes nothing away and grants nothing.
    pub state: Option<S>,
    /// Why the state is not good; `None` when it is, or when it is normal progress.
    pub reason: Option<ReasonCode>,
    /// Values of the placeholders in the reason's sentences.
    pub vars: BTreeMap<String, String>,
    /// Servers or addresses that agreed.
    pub agree: u32,
    /// Servers or addresses that were asked.
    pub asked: u32,
    /// What was answered, by whom.
    pub evidence: Vec<Evidence>,
}

/// One answer of one server, or one fact about one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// Server or object that was asked.
    pub server: String,
    /// What was asked.
    pub question: String,
    /// What it answered.
    pub answer: String,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

impl<S> Finding<S> {
    /// A state that needs no reason.
    pub fn good(state: S) -> Self {
        Self { state: Some(state), reason: None, vars: BTreeMap::new(), agree: 0, asked: 0, evidence: Vec::new() }
    }

    /// A state with the reason why it is not good.
    pub fn bad(state: S, reason: ReasonCode) -> Self {
        Self { reason: Some(reason), ..Self::good(state) }
    }

    /// We could not look. `reason` says why; it belongs to the platform or to an outage.
    pub fn unknown(reason: ReasonCode) -> Self {
        Self { state: None, reason: Some(reason), vars: BTreeMap::new(), agree: 0, asked: 0, evidence: Vec::new() }
    }

    /// Adds the value of one placeholder.
    #[must_use]
    pub fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// Adds one piece of evidence.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// Says how many of how many agreed.
    #[must_use]
    pub fn confidence(mut self, agree: u32, asked: u32) -> Self {
        (self.agree, self.asked) = (agree, asked);
        self
    }
}

/// A finding with its axis, as it is carried and stored.
pub trait AxisWord: Sized + Copy {
    /// The axis whose states these are.
    const AXIS: Axis;
    /// The word of this state.
    fn word(self) -> &'static str;
    /// Finds a state by its word.
    fn from_word(word: &str) -> Option<Self>;
}
