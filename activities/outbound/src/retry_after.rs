//! The header `Retry-After` (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Longest wait that is believed. A later repeat would come after every limit of the contract (section 3.3) but those of
/// waiting runs, which may well ask once a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads seconds or an HTTP date, at most 24 h. A date that has passed is no wait at all. `None`: neither of the two.
pub(crate) fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let now = OffsetDateTime::from(now);
        Duration::try_from(http_date(text, now)? - now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

/// Reads the three forms of RFC 9110 §5.6.7. The name of the weekday is not checked against the date.
fn http_date(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (day, month, year, clock) = match words.as_slice() {
        // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, clock, "GMT"] => (*day, *month, year.parse().ok()?, *clock),
        // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, clock, "GMT"] => {
            let mut parts = date.splitn(3, '-');
            let (day, month, short) = (parts.next()?, parts.next()?, parts.next()?);
            (day, month, full_year(short, now.year())?, *clock)
        }
        // asctime: Sun Nov  6 08:49:37 1994
        [_, month, day, clock, year] => (*day, *month, year.parse().ok()?, *clock),
        _ => return None,
    };
    let day: u8 = day.parse().ok()?;
    let form = format_description!("[day] [month repr:short] [year] [hour]:[minute]:[second]");
    let moment = PrimitiveDateTime::parse(&format!("{day:02} {month} {year:04} {clock}"), form).ok()?;
    Some(moment.assume_utc())
}

/// A year of two digits is the one that lies at most 50 years ahead and less than 50 back (RFC 9110 §5.6.7).
fn full_year(short: &str, this_year: i32) -> Option<i32> {
    let short: i32 = short.parse().ok().filter(|year| (0..100).contains(year))?;
    let year = this_year - this_year.rem_euclid(100) + short;
    Some(match year - this_year {
        ..-49 => year + 100,
        -49..=50 => year,
        51.. => year - 100,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:00 GMT, by `date -u -d '1994-11-06 08:49:00' +%s`.
    const NOW: u64 = 784_111_740;

    #[track_caller]
    fn check(text: &str, expected_seconds: Option<u64>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
        assert_eq!(parse(text, now), expected_seconds.map(Duration::from_secs), "{text}");
    }

    #[test]
    fn seconds_are_read_up_to_a_day() {
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("86400", Some(86_400));
        check("86401", Some(86_400));
        check("99999999999999999999999999", Some(86_400));
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(37));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(37));
        check("Sun Nov  6 08:49:37 1994", Some(37));
        check("Sun, 06 Nov 1994 08:48:37 GMT", Some(0));
        check("Monday, 07-Nov-44 08:49:37 GMT", Some(86_400));
        check("Wednesday, 07-Nov-45 08:49:37 GMT", Some(0));
    }

    #[test]
    fn what_is_neither_is_nothing() {
        check("", None);
        check("-1", None);
        check("1.5", None);
        check("soon", None);
        check("Sun, 31 Feb 1994 08:49:37 GMT", None);
        check("Sun, 06 Nov 1994 08:49:37 CET", None);
        check("Sunday, 06-Nov-194 08:49:37 GMT", None);
    }
}
