//! A value that must not be shown.

use std::fmt;

/// Text that no log, error or `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Takes the text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one call that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Texts that stand where a secret should be: templates, examples, and what Vault's renderer writes for an absent key.
const PLACEHOLDERS: [&str; 11] = [
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "replace-me",
    "replaceme",
    "your-password",
    "your_password",
    "todo",
    "xxx",
    "<no value>",
];

/// Tells whether a text is a known placeholder and so no secret at all.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    PLACEHOLDERS.contains(&text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn what_an_absent_vault_key_renders_is_a_placeholder() {
        assert!(is_placeholder("<no value>\n"));
        assert!(is_placeholder("ChangeMe"));
        assert!(!is_placeholder("correct horse battery staple"));
    }
}
