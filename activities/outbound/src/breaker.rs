//! A circuit breaker: a host that fails again and again is left alone for a while (contract, R24).
//!
//! Closed → open after a number of failures in a row → half-open after a pause, when one trial call goes through → closed
//! by a success, open again by a failure. Pure: the clock is an argument.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Failures in a row that open it.
    pub failures: NonZeroU32,
    /// How long no call goes through, and how long a trial call may stay without a result.
    pub pause: Duration,
}

impl Default for Policy {
    /// Five failures, 30 s: an activity's own pauses (contract, sections 3.3 and 8.2) reach five attempts in about 30 s,
    /// so one activity alone seldom opens it, and the longest pause of an activity (30 s or 60 s) meets a trial.
    fn default() -> Self {
        Self { failures: NonZeroU32::new(5).expect("five is not zero"), pause: Duration::from_secs(30) }
    }
}

/// What is known of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { trial_until: Instant },
}

/// The breaker of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    policy: Policy,
    state: State,
}

/// Whether an event moved the breaker, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that anyone has to know.
    None,
    /// It opened: the host is left alone.
    Opened,
    /// It closed: the host answers again.
    Closed,
}

impl Breaker {
    /// A closed breaker.
    pub const fn new(policy: Policy) -> Self {
        Self { policy, state: State::Closed { failures: 0 } }
    }

    /// Asks for a call. The first one after the pause is the trial; the others wait for its result.
    ///
    /// # Errors
    /// How long to wait before it is worth asking again.
    pub fn ask(&mut self, now: Instant) -> Result<(), Duration> {
        let until = match self.state {
            State::Closed { .. } => return Ok(()),
            State::Open { until } => until,
            // A trial whose caller was cancelled never reports; the next one takes its place.
            State::HalfOpen { trial_until } => trial_until,
        };
        if now < until {
            return Err(until - now);
        }
        self.state = State::HalfOpen { trial_until: now + self.policy.pause };
        Ok(())
    }

    /// The host answered. That a call began before the breaker opened makes its answer no less true.
    pub fn succeeded(&mut self) -> Change {
        let change = match self.state {
            State::Closed { .. } => Change::None,
            State::Open { .. } | State::HalfOpen { .. } => Change::Closed,
        };
        self.state = State::Closed { failures: 0 };
        change
    }

    /// The host did not answer, or answered that it is in trouble. A late failure does not lengthen a pause.
    pub fn failed(&mut self, now: Instant) -> Change {
        let opens = match self.state {
            State::Closed { failures } => {
                let failures = failures + 1;
                self.state = State::Closed { failures };
                failures >= self.policy.failures.get()
            }
            State::Open { .. } => false,
            State::HalfOpen { .. } => true,
        };
        if !opens {
            return Change::None;
        }
        self.state = State::Open { until: now + self.policy.pause };
        Change::Opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Event {
        Ask(Result<(), u64>),
        Succeed(Change),
        Fail(Change),
    }
    use Event::{Ask, Fail, Succeed};

    /// Events at seconds after the start, of a breaker that opens after two failures for ten seconds.
    #[track_caller]
    fn check(events: &[(u64, Event)]) {
        let start = Instant::now();
        let policy = Policy { failures: NonZeroU32::new(2).unwrap(), pause: Duration::from_secs(10) };
        let mut breaker = Breaker::new(policy);
        for (index, (second, event)) in events.iter().enumerate() {
            let now = start + Duration::from_secs(*second);
            match event {
                Ask(expected) => {
                    assert_eq!(breaker.ask(now), expected.map_err(Duration::from_secs), "event {index}");
                }
                Succeed(expected) => assert_eq!(breaker.succeeded(), *expected, "event {index}"),
                Fail(expected) => assert_eq!(breaker.failed(now), *expected, "event {index}"),
            }
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        check(&[
            (0, Fail(Change::None)),
            (1, Succeed(Change::None)),
            (2, Fail(Change::None)),
            (2, Ask(Ok(()))),
            (3, Fail(Change::Opened)),
            (3, Ask(Err(10))),
            (12, Ask(Err(1))),
        ]);
    }

    #[test]
    fn one_trial_goes_through_and_its_success_closes_it() {
        check(&[
            (0, Fail(Change::None)),
            (0, Fail(Change::Opened)),
            (10, Ask(Ok(()))),
            (11, Ask(Err(9))),
            (12, Succeed(Change::Closed)),
            (12, Ask(Ok(()))),
            (12, Ask(Ok(()))),
            (13, Fail(Change::None)),
        ]);
    }

    #[test]
    fn a_failed_trial_opens_it_again_at_once() {
        check(&[
            (0, Fail(Change::None)),
            (0, Fail(Change::Opened)),
            (10, Ask(Ok(()))),
            (12, Fail(Change::Opened)),
            (12, Ask(Err(10))),
            (22, Ask(Ok(()))),
        ]);
    }

    #[test]
    fn a_trial_that_never_reports_gives_its_place_to_another() {
        check(&[
            (0, Fail(Change::None)),
            (0, Fail(Change::Opened)),
            (10, Ask(Ok(()))),
            (19, Ask(Err(1))),
            (20, Ask(Ok(()))),
            (21, Ask(Err(9))),
        ]);
    }

    #[test]
    fn late_results_of_earlier_calls_are_weighed() {
        check(&[
            (0, Fail(Change::None)),
            (0, Fail(Change::Opened)),
            (5, Fail(Change::None)),
            (5, Ask(Err(5))),
            (6, Succeed(Change::Closed)),
            (6, Ask(Ok(()))),
        ]);
    }
}
