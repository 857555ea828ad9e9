//! The key under which a repeat of a mail is recognised.

use data_encoding::HEXLOWER;
use outbound::IdempotencyKey;
use sha2::{Digest as _, Sha256};

/// Makes the key of a mail: `<workflow id>/<kind>`, hashed where it is too long for a header (tenant contract §8.1).
///
/// `workflow_id` is the id of the first workflow of the work (§14, "Identity of work"), so that a repair or a re-run sends no
/// mail again; `kind` says which of its mails this is, such as `tenant_welcome`. Neither names a person.
///
/// ```
/// let key = mail::mail_key("tenant-creation-stripe-sub_1", "tenant_welcome");
/// assert_eq!(key.as_str(), "tenant-creation-stripe-sub_1/tenant_welcome");
/// assert_eq!(mail::mail_key(&"w".repeat(300), "tenant_welcome").as_str().len(), 71);
/// ```
pub fn mail_key(workflow_id: &str, kind: &str) -> IdempotencyKey {
    IdempotencyKey::new(&format!("{workflow_id}/{kind}"))
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The first 40 hexadecimal digits of a key's SHA-256: 160 bits, short enough for a header line.
pub(crate) fn mark(key: &IdempotencyKey) -> String {
    let mut digest = hex(key.as_str().as_bytes());
    digest.truncate(40);
    digest
}
