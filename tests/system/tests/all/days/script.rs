//! What the outside says when: a value from each instant on.

/// A value over time. Before its first entry it is the default.
#[derive(Clone, Debug, Default)]
pub(super) struct Script<T> {
    steps: Vec<(i64, T)>,
}

impl<T: Clone + Default> Script<T> {
    /// From `at_ms` on, `value` holds; what was planned for later no longer does.
    pub(super) fn from(&mut self, at_ms: i64, value: T) {
        self.steps.retain(|(at, _)| *at < at_ms);
        self.steps.push((at_ms, value));
    }

    /// The value at an instant.
    pub(super) fn at(&self, at_ms: i64) -> T {
        self.steps.iter().rev().find(|(at, _)| *at <= at_ms).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The first instant from `at_ms` on at which the value is such a one, with the value.
    pub(super) fn first_from(&self, at_ms: i64, is: impl Fn(&T) -> bool) -> Option<(i64, T)> {
        let later = self.steps.iter().map(|(at, _)| *at).filter(|at| *at > at_ms);
        std::iter::once(at_ms).chain(later).map(|at| (at, self.at(at))).find(|(_, value)| is(value))
    }
}

/// What DNS says about the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DnsSays {
    /// No record.
    #[default]
    Nothing,
    /// An alias to the tenant's canonical host, on every server.
    Here,
    /// An alias to us on one of two servers; visitors still reach us.
    HereOnOneOfTwo,
}

/// What the authority answers to an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AuthoritySays {
    /// A certificate.
    #[default]
    Yes,
    /// Nothing: an outage, which leaves no trace in any status (recorded from cert-manager).
    Nothing,
    /// Refused by a rate limit until this instant.
    LimitUntil(i64),
}
