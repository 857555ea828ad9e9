//! Secrets of settings on their way into headers.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// Why a secret cannot be used. Its value is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// The named secret is empty: there is no built-in default.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The named secret holds characters that no HTTP header can carry.
    #[error("{0} holds a character that no header can carry")]
    Characters(&'static str),
}

/// Refuses an empty secret.
pub(crate) fn not_empty(name: &'static str, secret: &SecretString) -> Result<(), SecretFault> {
    if secret.expose_secret().is_empty() { Err(SecretFault::Empty(name)) } else { Ok(()) }
}

/// The secret as a header value that `Debug` does not show.
///
/// # Errors
/// [`SecretFault`]: it is empty, or holds a control character (RFC 9110 §5.5).
pub(crate) fn header(name: &'static str, secret: &SecretString) -> Result<HeaderValue, SecretFault> {
    not_empty(name, secret)?;
    sensitive(name, secret.expose_secret())
}

/// `Bearer <secret>` for the header `Authorization` (RFC 6750 §2.1), as a value that `Debug` does not show.
/// `name` is the setting to name in the error.
///
/// # Errors
/// [`SecretFault`]: it is empty, or holds a control character.
pub fn bearer(name: &'static str, secret: &SecretString) -> Result<HeaderValue, SecretFault> {
    not_empty(name, secret)?;
    let text = SecretString::from(format!("Bearer {}", secret.expose_secret()));
    sensitive(name, text.expose_secret())
}

fn sensitive(name: &'static str, text: &str) -> Result<HeaderValue, SecretFault> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SecretFault::Characters(name))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_refused_without_its_value_and_hidden_with_it() {
        assert_eq!(header("KEY", &"".into()), Err(SecretFault::Empty("KEY")));
        let error = bearer("KEY", &"canary\nvalue".into()).unwrap_err();
        assert_eq!(error, SecretFault::Characters("KEY"));
        assert!(!format!("{error} {error:?}").contains("canary"));
        let value = bearer("KEY", &"canary".into()).unwrap();
        assert_eq!(value.as_bytes(), b"Bearer canary");
        assert!(!format!("{value:?}").contains("canary"));
    }
}
