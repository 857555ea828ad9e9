//! Times as people and rows read them.

use time::OffsetDateTime;
use time::macros::format_description;

/// ISO 8601 with milliseconds and `Z`, as JavaScript's `toISOString` writes it; empty for 0 ("never") and for times that
/// no calendar has.
pub fn iso8601(ms: i64) -> String {
    if ms == 0 {
        return String::new();
    }
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_a_z() {
        assert_eq!(iso8601(1_764_100_000_005), "2025-11-25T19:46:40.005Z");
        assert_eq!(iso8601(0), "");
        assert_eq!(iso8601(i64::MAX), "");
    }
}
