//! What is wrong with an input: fields and codes, never values.

use super::product::words;
use std::fmt;

words! {
    /// Why a field is refused.
    FaultCode {
        /// The field must be there and not be blank.
        Required = "REQUIRED",
        /// The whole input, or this part of it, is no JSON object.
        NotAnObject = "NOT_AN_OBJECT",
        /// The field must have the type that its message gives it.
        WrongType = "WRONG_TYPE",
        /// The field must be text.
        NotText = "NOT_TEXT",
        /// The field must be true or false.
        NotABoolean = "NOT_A_BOOLEAN",
        /// The field must be a list of texts.
        NotAList = "NOT_A_LIST",
        /// The field must be a whole number.
        NotAnInteger = "NOT_AN_INTEGER",
        /// The number or the count is not in the range.
        OutOfRange = "OUT_OF_RANGE",
        /// The text is longer than its column or its use allows.
        TooLong = "TOO_LONG",
        /// The text holds a line break or another control character.
        ControlCharacter = "CONTROL_CHARACTER",
        /// The text is no UUID.
        NotAUuid = "NOT_A_UUID",
        /// The text is no mail address.
        NotAnAddress = "NOT_AN_ADDRESS",
        /// The text is none of the words that are allowed here.
        UnknownWord = "UNKNOWN_WORD",
        /// The text does not have the form of such an id or code.
        BadForm = "BAD_FORM",
        /// The field is needed because of another one.
        NeededWith = "NEEDED_WITH",
        /// The field contradicts another one.
        Contradicts = "CONTRADICTS",
    }
}

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Path of the field as the caller wrote it, such as `adminUser.email`; `$` for the whole input.
    pub field: String,
    /// What is wrong with it.
    pub code: FaultCode,
    /// The other field, for [`FaultCode::NeededWith`] and [`FaultCode::Contradicts`]; otherwise empty.
    pub with: &'static str,
}

impl Fault {
    /// A fault of one field alone.
    pub fn of(field: impl Into<String>, code: FaultCode) -> Self {
        Self { field: field.into(), code, with: "" }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.code)?;
        if !self.with.is_empty() {
            write!(f, " {}", self.with)?;
        }
        Ok(())
    }
}

/// All faults as one line, for failures and messages.
pub fn line(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}

/// All faults as the details of a `ValidationError`: `[{field, code}]`.
pub fn details(faults: &[Fault]) -> serde_json::Value {
    faults
        .iter()
        .map(|fault| {
            let mut entry = serde_json::json!({ "field": fault.field, "code": fault.code.as_str() });
            if !fault.with.is_empty() {
                entry["with"] = fault.with.into();
            }
            entry
        })
        .collect()
}
