//! The set of accepted secrets, compared in constant time.

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Which routes a secret opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// All of them: the secret of `ALGA_LICENSE_SERVICE_SECRET`.
    Every,
    /// These paths, as the router names them without their parameters, such as `/register-tenant` or `/tenants`.
    Routes(BTreeSet<String>),
}

impl Grant {
    fn holds(&self, route: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Routes(routes) => routes.contains(route),
        }
    }
}

/// One accepted secret. Only its SHA-256 is kept: equal lengths, whatever was set, so that nothing of a secret decides how
/// long a comparison takes.
#[derive(Clone)]
struct Entry {
    name: String,
    digest: [u8; 32],
    grant: Grant,
}

/// Every accepted secret.
#[derive(Clone, Default)]
pub struct SecretSet(Vec<Entry>);

impl SecretSet {
    /// Adds a secret under a name that audit rows may show. Two secrets may have one name: current and previous.
    pub fn add(&mut self, name: &str, secret: &SecretString, grant: Grant) {
        let digest = Sha256::digest(secret.expose_secret().as_bytes()).into();
        self.0.push(Entry { name: name.to_owned(), digest, grant });
    }

    /// Whether nothing is accepted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this text is accepted at all, whatever its routes.
    pub(super) fn contains(&self, secret: &SecretString) -> bool {
        let digest: [u8; 32] = Sha256::digest(secret.expose_secret().as_bytes()).into();
        self.0.iter().fold(0, |found, entry| found | entry.digest.ct_eq(&digest).unwrap_u8()) == 1
    }

    /// The name of the secret that was presented, when it opens this route.
    ///
    /// Compares with every secret, also after a match, so that the time tells neither which one it was nor how much of one.
    pub fn name_of(&self, presented: &str, route: &str) -> Option<&str> {
        let digest: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let mut found = None;
        for entry in &self.0 {
            let equal = bool::from(entry.digest.ct_eq(&digest));
            if equal && entry.grant.holds(route) {
                found = found.or(Some(entry.name.as_str()));
            }
        }
        found
    }
}

/// Names and grants only.
impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|entry| (&entry.name, &entry.grant))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> SecretSet {
        let mut set = SecretSet::default();
        set.add("service", &"current-secret-of-all".into(), Grant::Every);
        set.add("service", &"previous-secret-of-all".into(), Grant::Every);
        set.add("console", &"secret-of-the-console".into(), Grant::Routes(["/tenants".to_owned()].into()));
        set
    }

    #[test]
    fn both_values_are_accepted_during_a_rotation() {
        let set = set();
        assert_eq!(set.name_of("current-secret-of-all", "/sign"), Some("service"));
        assert_eq!(set.name_of("previous-secret-of-all", "/sign"), Some("service"));
        assert_eq!(set.name_of("previous-secret-of-al", "/sign"), None);
        assert_eq!(set.name_of("", "/sign"), None);
    }

    #[test]
    fn a_secret_opens_its_own_routes_only() {
        let set = set();
        assert_eq!(set.name_of("secret-of-the-console", "/tenants"), Some("console"));
        assert_eq!(set.name_of("secret-of-the-console", "/sign"), None);
    }

    #[test]
    fn nothing_shows_a_secret() {
        let shown = format!("{:?}", set());
        assert!(shown.contains("console") && !shown.contains("secret-of"), "{shown}");
    }
}
