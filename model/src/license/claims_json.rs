//! JSON as signed texts carry it: one object, no member twice, no number with a fraction or an exponent.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Most members of one object. A licence has nine claims; the bound keeps the search for names that come twice short.
const MEMBERS_MAX: usize = 64;

/// A JSON value that was read strictly (licensing contract, section 6.1: "compact JSON without floats or duplicate member
/// names").
///
/// `serde_json::Value` would keep the last of two members of one name, where other readers keep the first; and it would take
/// `1e3` for a number, which other writers spell otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in the range of 64 bits with a sign.
    Integer(i64),
    /// A whole number beyond it.
    Huge,
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Object<'a>),
}

/// The members of an object, in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Reads a text that is one object and nothing else but white space.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        // Looked at once as a whole: `from_slice` would look at every text by itself.
        match serde_json::from_str(std::str::from_utf8(text).ok()?).ok()? {
            Json::Object(object) => Some(object),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Huge | Json::Text(_) | Json::List(_) => None,
        }
    }

    /// The value of a member.
    pub(crate) fn member(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All members, in the order of the text.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_text()
    }

    /// A member that is a whole number.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.member(name)?.as_integer()
    }
}

impl<'a> Json<'a> {
    /// The object, if it is one.
    pub(crate) const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Huge | Self::Text(_) | Self::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Huge | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// Yes or no, if it is one of them.
    pub(crate) const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Null | Self::Integer(_) | Self::Huge | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The number, if it is one.
    pub(crate) const fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null | Self::Bool(_) | Self::Huge | Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without floats and without members of one name")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Json::Huge, Json::Integer))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some(name) = members.next_key::<Name<'de>>()? {
            if object.0.len() == MEMBERS_MAX || object.member(&name.0).is_some() {
                return Err(A::Error::custom("a member comes twice, or there are too many"));
            }
            object.0.push((name.0, members.next_value()?));
        }
        Ok(Json::Object(object))
    }
}

/// A name of a member, not copied unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Text(name) => Ok(Self(name)),
            Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Huge | Json::List(_) | Json::Object(_) => {
                Err(D::Error::custom("a name is a text"))
            }
        }
    }
}

#[cfg(test)]
#[path = "claims_json_tests.rs"]
mod tests;
