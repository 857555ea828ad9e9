//! Secrets on the wire: plain text in JSON, and in no other place.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

/// Writes a secret.
///
/// # Errors
/// Those of the serializer.
pub(super) fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose_secret().serialize(serializer)
}

/// Reads a secret.
///
/// # Errors
/// Those of the deserializer: it is no text. Their message does not repeat it.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}
