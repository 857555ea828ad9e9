//! Times as outside systems write them.

use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// Time since 1970-01-01 UTC; nothing for a clock that stands before it.
pub(crate) fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// UTC with milliseconds, as JavaScript's `Date.toISOString` writes it: `2026-11-26T06:21:03.000Z`.
pub(crate) fn iso(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = (at.hour(), at.minute(), at.second(), at.millisecond());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_javascript_does() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(iso(at(0)), "1970-01-01T00:00:00.000Z");
        // node -e 'console.log(new Date(1795674063007).toISOString())'
        assert_eq!(iso(at(1_795_674_063_007)), "2026-11-26T06:21:03.007Z");
        assert_eq!(since_epoch(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), Duration::ZERO);
    }
}
