//! Reads fields of a JSON object, trims them, and collects what is wrong.

use crate::tenant::fault::{Fault, FaultCode};
use crate::tenant::names::is_external_id;
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Years of an instant, in UTC.
const YEARS: RangeInclusive<i32> = 1..=9999;
/// Offsets from UTC end below this many hours.
const OFFSET_HOURS: u8 = 16;

/// One object of the input. A field that is absent, `null` or blank counts as not given.
pub(super) struct Reader<'a> {
    object: Option<&'a Map<String, Value>>,
    path: &'static str,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(value: &'a Value, path: &'static str, faults: &'a mut Vec<Fault>) -> Self {
        Self { object: value.as_object(), path, faults }
    }

    fn name(&self, field: &str) -> String {
        match self.path {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        }
    }

    pub(super) fn fault(&mut self, field: &str, code: FaultCode) {
        let field = self.name(field);
        self.faults.push(Fault::of(field, code));
    }

    pub(super) fn contradiction(&mut self, field: &str, with: &'static str) {
        let field = self.name(field);
        self.faults.push(Fault { field, code: FaultCode::Contradicts, with });
    }

    /// Faults so far, of the whole input.
    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        self.object?.get(field).filter(|value| !value.is_null())
    }

    /// Text as it was given.
    fn raw(&mut self, field: &str) -> Option<&'a str> {
        let value = self.value(field)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(field, FaultCode::NotText);
        }
        text
    }

    /// Trimmed text of at most `max` characters in one line.
    pub(super) fn text(&mut self, field: &str, max: usize) -> Option<String> {
        let text = self.raw(field)?.trim();
        if text.is_empty() {
            return None;
        }
        if text.chars().count() > max {
            self.fault(field, FaultCode::TooLong);
        } else if text.chars().any(char::is_control) {
            self.fault(field, FaultCode::ControlCharacter);
        }
        Some(text.to_owned())
    }

    pub(super) fn required(&mut self, field: &str, max: usize) -> String {
        let wrong_type = self.value(field).is_some_and(|value| !value.is_string());
        let text = self.text(field, max);
        if text.is_none() && !wrong_type {
            self.fault(field, FaultCode::Required);
        }
        text.unwrap_or_default()
    }

    /// A secret is not trimmed: blanks may belong to it.
    pub(super) fn secret(&mut self, field: &str, chars: RangeInclusive<usize>) -> Option<SecretString> {
        let text = self.raw(field).filter(|text| !text.is_empty())?;
        if !chars.contains(&text.chars().count()) {
            self.fault(field, FaultCode::OutOfRange);
        }
        Some(SecretString::from(text))
    }

    pub(super) fn word<T>(&mut self, field: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(field, usize::MAX)?;
        let word = parse(&text);
        if word.is_none() {
            self.fault(field, FaultCode::UnknownWord);
        }
        word
    }

    pub(super) fn required_word<T>(&mut self, field: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let before = self.faults.len();
        let word = self.word(field, parse);
        if word.is_none() && self.faults.len() == before {
            self.fault(field, FaultCode::Required);
        }
        word
    }

    /// An id of an outside system; empty when it was not given.
    pub(super) fn external_id(&mut self, field: &str) -> String {
        let text = self.text(field, usize::MAX).unwrap_or_default();
        if !text.is_empty() && !is_external_id(&text) {
            self.fault(field, FaultCode::BadForm);
        }
        text
    }

    pub(super) fn required_id(&mut self, field: &str) -> String {
        let before = self.faults.len();
        let text = self.external_id(field);
        if text.is_empty() && self.faults.len() == before {
            self.fault(field, FaultCode::Required);
        }
        text
    }

    /// A UUID of RFC 9562 in its usual form, in lower case. The nil UUID stands for the system itself and is nobody's id.
    pub(super) fn uuid(&mut self, field: &str) -> Option<String> {
        let text = self.text(field, usize::MAX)?.to_ascii_lowercase();
        let groups: Vec<&str> = text.split('-').collect();
        let hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let nil = text.bytes().all(|b| b == b'0' || b == b'-');
        if lengths != [8, 4, 4, 4, 12] || !groups.iter().all(hex) || nil {
            self.fault(field, FaultCode::NotAUuid);
        }
        Some(text)
    }

    /// An instant of RFC 3339 in UTC; empty when it was not given. It has a year of the common era and an offset below 16 hours:
    /// PostgreSQL reads no other.
    pub(super) fn instant(&mut self, field: &str) -> String {
        let text = self.text(field, usize::MAX).unwrap_or_default();
        if text.is_empty() {
            return text;
        }
        let parsed = OffsetDateTime::parse(&text, &Rfc3339).ok();
        let fits = |at: &OffsetDateTime| at.offset().whole_hours().unsigned_abs() < OFFSET_HOURS;
        let in_utc = parsed.filter(fits).and_then(|at| at.checked_to_offset(UtcOffset::UTC));
        let in_utc = in_utc.filter(|at| YEARS.contains(&at.year())).and_then(|at| at.format(&Rfc3339).ok());
        in_utc.unwrap_or_else(|| {
            self.fault(field, FaultCode::BadForm);
            text
        })
    }

    pub(super) fn integer(&mut self, field: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let number = match self.value(field)? {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64())),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match number {
            None => self.fault(field, FaultCode::NotAnInteger),
            Some(number) if !range.contains(&number) => self.fault(field, FaultCode::OutOfRange),
            Some(_) => {}
        }
        number
    }

    pub(super) fn flag(&mut self, field: &str) -> bool {
        let Some(value) = self.value(field) else { return false };
        let flag = value.as_bool();
        if flag.is_none() {
            self.fault(field, FaultCode::NotABoolean);
        }
        flag.unwrap_or(false)
    }

    /// A list of keys, sorted and without duplicates.
    pub(super) fn words(&mut self, field: &str, max: usize) -> Vec<String> {
        let Some(value) = self.value(field) else { return Vec::new() };
        let Some(list) = value.as_array() else {
            self.fault(field, FaultCode::NotAList);
            return Vec::new();
        };
        if list.len() > max {
            self.fault(field, FaultCode::OutOfRange);
        }
        let mut words: Vec<String> = Vec::new();
        for item in list {
            match item.as_str().map(str::trim) {
                Some(word) if is_external_id(word) => words.push(word.to_owned()),
                Some(_) => self.fault(field, FaultCode::BadForm),
                None => self.fault(field, FaultCode::NotAList),
            }
        }
        words.sort();
        words.dedup();
        words
    }

    /// A part of the input, if it was given.
    pub(super) fn object(&mut self, field: &'static str) -> Option<Reader<'_>> {
        let value = self.value(field)?;
        if !value.is_object() {
            self.fault(field, FaultCode::NotAnObject);
            return None;
        }
        Some(Reader { object: value.as_object(), path: field, faults: self.faults })
    }

    pub(super) fn required_object(&mut self, field: &'static str) -> Option<Reader<'_>> {
        if self.value(field).is_none() {
            self.fault(field, FaultCode::Required);
            return None;
        }
        self.object(field)
    }
}

/// JavaScript has one kind of number: `5.0` is a whole one.
fn whole(number: Option<f64>) -> Option<i64> {
    let number = number?;
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}
