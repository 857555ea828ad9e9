//! Waiting for somebody: what the update `repair` may ask, and what it is answered.

use super::product::words;
use super::step::Step;

words! {
    /// What somebody decided about a step that failed.
    Action {
        /// Try the step again.
        Retry = "retry",
        /// End the creation as failed; what was written stays for an operator.
        Abandon = "abandon",
    }
}

words! {
    /// Why a decision was not accepted.
    Refusal {
        /// The run does not wait for a repair.
        NotWaiting = "NOT_WAITING",
        /// The run was cancelled, which is final: it can only be abandoned.
        Cancelled = "CANCELLED",
        /// Somebody decided a moment ago.
        AlreadyDecided = "ALREADY_DECIDED",
    }
}

/// Reason of a repair that a cancellation asks for.
pub const CANCELLED: &str = "cancelled";

/// Reason of a repair in a successor, where no step failed: the first run's own time was up.
pub const TIME_IS_UP: &str = "TIME_IS_UP";

/// What a wait says after a cancellation between two steps.
pub const CANCELLED_MESSAGE: &str = "a cancellation is final: the creation can only be abandoned; its rows stay";

/// What a wait says where the cancellation came when every step was done.
pub const CANCELLED_WHEN_DONE: &str = "every step is done and nothing is missing, but the cancellation came before the end and is final: \
                                       the creation can only be abandoned; the tenant stays as it is and can be used";

/// What a wait says where no step failed.
pub const TIME_IS_UP_MESSAGE: &str = "no step failed: the time of the first run was up; retry goes on";

/// Longest `by`, `note` and message, in characters: they stand in the creation's record.
pub const TEXT_MAX: usize = 500;

/// A repair that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The step that failed.
    pub step: Step,
    /// Type of the failure or its cause, [`CANCELLED`], or [`TIME_IS_UP`].
    pub reason: String,
    /// What failed and what mends it, for people: the failure's own text, which names fields and ids and holds no value of the
    /// input. Made by [`message`].
    pub message: String,
    /// How often the step was tried.
    pub attempts: u32,
    /// Since when the run waits, in Unix milliseconds.
    pub since_ms: i64,
    /// The run was cancelled.
    pub cancelled: bool,
    /// What somebody decided.
    pub decision: Option<Decision>,
}

impl Waiting {
    /// Who is waited for, for which step, and why.
    ///
    /// ```
    /// use model::tenant::repair::Waiting;
    /// use model::tenant::step::Step;
    ///
    /// let waiting = Waiting {
    ///     step: Step::CreatingAdminUser,
    ///     reason: "ConfigurationError".to_owned(),
    ///     message: "the tenant has no role Admin".to_owned(),
    ///     attempts: 1,
    ///     since_ms: 0,
    ///     cancelled: false,
    ///     decision: None,
    /// };
    /// let expected = "an operator: creating the administrator (ConfigurationError): the tenant has no role Admin";
    /// assert_eq!(waiting.sentence(), expected);
    /// ```
    pub fn sentence(&self) -> String {
        let mut sentence = format!("an operator: {} ({})", self.step.sentence(), self.reason);
        if !self.message.is_empty() {
            sentence.push_str(": ");
            sentence.push_str(&self.message);
        }
        sentence
    }
}

/// A failure's text as the message of a wait: one line of at most [`TEXT_MAX`] characters.
pub fn message(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX).collect()
}

/// A decision that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Who decided.
    pub by: String,
    /// Why, in their words.
    pub note: String,
}

/// Reads a decision. Refused are malformed ones only: whether it can be carried out depends on the run's state.
///
/// # Errors
/// One sentence that names the field.
pub fn parse(action: &str, by: &str, note: &str) -> Result<Decision, String> {
    let Some(parsed) = Action::parse(action) else {
        return Err("action: must be retry or abandon".to_owned());
    };
    if by.trim().is_empty() {
        return Err("by: must say who decides".to_owned());
    }
    for (field, text) in [("by", by), ("note", note)] {
        if text.chars().count() > TEXT_MAX {
            return Err(format!("{field}: must have at most {TEXT_MAX} characters"));
        }
        // The record could not hold a NUL, and the log is one line each.
        if text.trim().contains(char::is_control) {
            return Err(format!("{field}: must hold no line break and no other control character"));
        }
    }
    Ok(Decision { action: parsed, by: by.trim().to_owned(), note: note.trim().to_owned() })
}

/// Takes a decision into a waiting repair, or says why not. `cancelled`: somebody has cancelled the run meanwhile.
///
/// # Errors
/// See [`Refusal`].
pub fn decide(waiting: Option<&mut Waiting>, cancelled: bool, decision: Decision) -> Result<(), Refusal> {
    let waiting = waiting.ok_or(Refusal::NotWaiting)?;
    waiting.cancelled |= cancelled;
    if waiting.decision.is_some() {
        return Err(Refusal::AlreadyDecided);
    }
    if waiting.cancelled && decision.action == Action::Retry {
        return Err(Refusal::Cancelled);
    }
    waiting.decision = Some(decision);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(cancelled: bool) -> Waiting {
        let reason = "ConfigurationError".to_owned();
        let message = "adminUser.passwordRef: names no mounted secret".to_owned();
        Waiting { step: Step::CreatingAdminUser, reason, message, attempts: 1, since_ms: 1, cancelled, decision: None }
    }

    #[test]
    fn a_wait_says_who_must_act_on_what_and_why() {
        let with = waiting(false).sentence();
        let expected = "an operator: creating the administrator (ConfigurationError): adminUser.passwordRef: names no \
                        mounted secret";
        assert_eq!(with, expected);
        let without = Waiting { message: String::new(), ..waiting(false) }.sentence();
        assert_eq!(without, "an operator: creating the administrator (ConfigurationError)");
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(message("one\ntwo\u{1b}[31m"), "one two [31m");
        assert_eq!(message(&"ü".repeat(TEXT_MAX + 1)).chars().count(), TEXT_MAX);
        for text in [CANCELLED_MESSAGE, CANCELLED_WHEN_DONE, TIME_IS_UP_MESSAGE] {
            assert_eq!(message(text), text);
        }
    }

    #[test]
    fn malformed_decisions_are_told_by_field() {
        assert_eq!(parse("undo", "ann", "").unwrap_err(), "action: must be retry or abandon");
        assert_eq!(parse("retry", "  ", "").unwrap_err(), "by: must say who decides");
        let long = "x".repeat(TEXT_MAX + 1);
        assert!(parse("retry", "ann", &long).unwrap_err().starts_with("note:"));
        for control in ["a\0b", "a\nb", "a\u{1b}[31mb", "a\u{85}b"] {
            assert!(parse("retry", control, "").unwrap_err().starts_with("by:"), "{control:?}");
            assert!(parse("abandon", "ann", control).unwrap_err().starts_with("note:"), "{control:?}");
        }
        assert_eq!(parse("retry", "ann", "done\n").unwrap().note, "done");
    }

    #[test]
    fn one_decision_is_taken_and_a_cancelled_run_is_only_abandoned() {
        let retry = parse("retry", "ann", "fixed").unwrap();
        let abandon = parse("abandon", "ann", "").unwrap();
        assert_eq!(decide(None, false, retry.clone()), Err(Refusal::NotWaiting));
        let mut open = waiting(false);
        assert_eq!(decide(Some(&mut open), false, retry.clone()), Ok(()));
        assert_eq!(decide(Some(&mut open), false, abandon.clone()), Err(Refusal::AlreadyDecided));
        let mut meanwhile = waiting(false);
        assert_eq!(decide(Some(&mut meanwhile), true, retry.clone()), Err(Refusal::Cancelled));
        let mut cancelled = waiting(true);
        assert_eq!(decide(Some(&mut cancelled), false, retry), Err(Refusal::Cancelled));
        assert_eq!(decide(Some(&mut cancelled), false, abandon), Ok(()));
    }
}
