//! What a creation or a repair knows, and the one way to reach it from every workflow that drives one.

use model::tenant::repair::Waiting;
use model::tenant::step::Step;
use proto::v1::CreationFacts;

/// State of one run.
#[derive(Debug)]
pub(crate) struct CreationState {
    /// The step that runs, or that failed.
    pub(crate) step: Step,
    /// Percent; never decreases.
    pub(crate) progress: u32,
    /// What the finished steps gave.
    pub(crate) facts: CreationFacts,
    /// Type and text of the failure that ended the run.
    pub(crate) error: Option<String>,
    /// Which try of the step this is, from 1.
    pub(crate) attempt: u32,
    /// What the run waits for, for people.
    pub(crate) waiting_for: String,
    /// Somebody has to decide.
    pub(crate) waiting: Option<Waiting>,
    /// The signal `cancel` has come. Final.
    pub(crate) cancel_asked: bool,
    /// The tenant may have been written by a try whose answer nobody heard.
    pub(crate) unsure: bool,
    /// The run that took over.
    pub(crate) handed_to: Option<String>,
    /// The word of the failure with which the step of the welcome mail was left out.
    pub(crate) mail_left_out: String,
}

impl Default for CreationState {
    fn default() -> Self {
        Self {
            step: Step::Initializing,
            progress: 0,
            facts: CreationFacts::default(),
            error: None,
            attempt: 0,
            waiting_for: String::new(),
            waiting: None,
            cancel_asked: false,
            unsure: false,
            handed_to: None,
            mail_left_out: String::new(),
        }
    }
}

impl CreationState {
    /// Begins a step, or tries it again.
    pub(crate) fn enter(&mut self, step: Step) {
        self.attempt = if self.step == step { self.attempt + 1 } else { 1 };
        self.step = step;
        self.advance(step.progress().0);
    }

    /// Moves the progress forward, never back.
    pub(crate) fn advance(&mut self, percent: u32) {
        self.progress = self.progress.max(percent);
    }

    /// Lists a part that was left out, once.
    pub(crate) fn skip(&mut self, part: &str, why: &str) {
        let entry = format!("{part}: {why}");
        if !self.facts.skipped.contains(&entry) {
            self.facts.skipped.push(entry);
        }
    }
}

/// A workflow that holds a [`CreationState`].
pub(crate) trait Holds {
    /// To read.
    fn creation(&self) -> &CreationState;
    /// To change.
    fn creation_mut(&mut self) -> &mut CreationState;
}
