//! The file of named secrets.

use super::set::{Grant, SecretSet};
use crate::router::SCOPES;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

/// The variable that names the file.
pub(super) const NAMED_FILE: &str = "TENANTRY_LICENSE_SERVICE_SECRETS_FILE";
/// Fewest characters of a secret in the file: 24 of base64url are 144 bits.
pub(super) const SECRET_MIN: usize = 24;
/// Most secrets of a file.
const SECRETS_MAX: usize = 64;

/// What is wrong with the secrets. Shows names and variables, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsFault {
    /// A file cannot be read, or is no text.
    #[error("the file of {variable} cannot be read, or is no text")]
    Unreadable {
        /// Which one.
        variable: &'static str,
    },
    /// A file is longer than secrets are.
    #[error("the file of {variable} has more than 64 KiB")]
    Long {
        /// Which one.
        variable: &'static str,
    },
    /// A secret of all routes is blank.
    #[error("the secret of {variable} is blank")]
    Blank {
        /// Which one.
        variable: &'static str,
    },
    /// Nothing is set.
    #[error("no service secret is set")]
    Missing,
    /// The file of named secrets is not the JSON that is expected.
    #[error(
        "the file of {NAMED_FILE} must be JSON: \
         {{\"<name>\": {{\"secret\": \"…\", \"previous\"?: \"…\", \"routes\": [\"/…\"]}}}}"
    )]
    Shape,
    /// It has no secret, or more than 64.
    #[error("the file of {NAMED_FILE} must hold 1 to 64 secrets")]
    Count,
    /// A name is no name.
    #[error("a name in the file of {NAMED_FILE} must be 1 to 40 of a-z 0-9 -")]
    Name,
    /// A secret is too short.
    #[error("the secret of {name} in the file of {NAMED_FILE} must have at least 24 characters")]
    Short {
        /// Which one.
        name: String,
    },
    /// A route does not exist or takes no service secret.
    #[error("{name} in the file of {NAMED_FILE} names a route that takes no service secret")]
    Route {
        /// Which one.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(deserialize_with = "secret")]
    secret: SecretString,
    #[serde(default, deserialize_with = "optional_secret")]
    previous: Option<SecretString>,
    routes: BTreeSet<String>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

fn optional_secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

/// Reads the text of `TENANTRY_LICENSE_SERVICE_SECRETS_FILE`: name → secret, the one before it, routes. `"*"` as the only
/// route opens all of them.
///
/// # Errors
/// [`SecretsFault`].
pub fn parse_file(text: &str, into: &mut SecretSet) -> Result<(), SecretsFault> {
    let lines: BTreeMap<String, Line> = serde_json::from_str(text).map_err(|_| SecretsFault::Shape)?;
    if lines.is_empty() || lines.len() > SECRETS_MAX {
        return Err(SecretsFault::Count);
    }
    for (name, line) in lines {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(fits) {
            return Err(SecretsFault::Name);
        }
        let every = line.routes.len() == 1 && line.routes.contains("*");
        if !every && (line.routes.is_empty() || line.routes.iter().any(|route| !SCOPES.contains(&route.as_str()))) {
            return Err(SecretsFault::Route { name });
        }
        let grant = if every { Grant::Every } else { Grant::Routes(line.routes) };
        for secret in [Some(line.secret), line.previous].into_iter().flatten() {
            if secret.expose_secret().len() < SECRET_MIN {
                return Err(SecretsFault::Short { name });
            }
            into.add(&name, &secret, grant.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), SecretsFault>) {
        assert_eq!(parse_file(text, &mut SecretSet::default()), expected, "{text}");
    }

    const LONG: &str = "0123456789abcdefghijklmnop";

    #[test]
    fn current_and_previous_are_taken_under_one_name() {
        let text = format!(
            r#"{{"order-site": {{"secret": "{LONG}", "previous": "{LONG}2", "routes": ["/register-tenant", "/tenants"]}}}}"#
        );
        let mut set = SecretSet::default();
        parse_file(&text, &mut set).unwrap();
        assert_eq!(set.name_of(&format!("{LONG}2"), "/tenants"), Some("order-site"));
        assert_eq!(set.name_of(LONG, "/revoke"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        check("[]", Err(SecretsFault::Shape));
        check("{}", Err(SecretsFault::Count));
        let line = |name: &str, secret: &str, routes: &str| {
            format!(r#"{{"{name}": {{"secret": "{secret}", "routes": {routes}}}}}"#)
        };
        check(&line("a b", LONG, r#"["*"]"#), Err(SecretsFault::Name));
        check(&line("a", "short", r#"["*"]"#), Err(SecretsFault::Short { name: "a".to_owned() }));
        check(&line("a", LONG, "[]"), Err(SecretsFault::Route { name: "a".to_owned() }));
        check(&line("a", LONG, r#"["/keys"]"#), Err(SecretsFault::Route { name: "a".to_owned() }));
        check(&line("a", LONG, r#"["*", "/sign"]"#), Err(SecretsFault::Route { name: "a".to_owned() }));
        check(&line("a", LONG, r#"["*"]"#), Ok(()));
    }
}
