//! What tenant provisioning needs in a local stack: keys of its own, and settings that only a development stack may have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The vendor's own tenant of the sample data.
pub const MANAGEMENT_TENANT: &str = "3f0c5b7e-8a41-4d2c-b6f9-0e1d2c3b4a59";

fn keys_path(root: &Path) -> PathBuf {
    root.join("tenancy/keys")
}

/// Writes the keys, once per stack: what is sealed must be readable after a restart.
pub(crate) fn prepare(root: &Path) -> io::Result<()> {
    let path = keys_path(root);
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(root.join("tenancy"))?;
    let key = || STANDARD.encode(rand::random::<[u8; 32]>());
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    write!(file, "hash {}\n2026-01 {}\n", key(), key())
}

/// The variables of a caller. `shop` is where the sample shop answers, when it is started.
pub(crate) fn environment(root: &Path, shop: Option<u16>) -> Vec<(String, String)> {
    let text = |name: &str, value: String| (name.to_owned(), value);
    let mut all = vec![
        text("TENANTRY_SEALING_KEYS_FILE", keys_path(root).display().to_string()),
        // What the sample application would verify sign-ins with.
        text("NEXTAUTH_SECRET", "pepper of a local stack".to_owned()),
        text("MANAGEMENT_TENANT_ID", MANAGEMENT_TENANT.to_owned()),
        text("MASTER_BILLING_TENANT_ID", MANAGEMENT_TENANT.to_owned()),
        text("RESEND_DEFAULT_FROM_ADDRESS", "noreply@tenantry.test".to_owned()),
    ];
    if let Some(port) = shop {
        let base = format!("http://127.0.0.1:{port}");
        all.extend([
            text("STRIPE_API_URL", base.clone()),
            text("STRIPE_SECRET_KEY", "sk_of_a_local_stack".to_owned()),
            text("NMSTORE_BASE_URL", base),
            text("TEMPORAL_WEBHOOK_SECRET", "webhooks of a local stack".to_owned()),
            text("INTERNAL_API_SHARED_SECRET", "calls-of-a-local-stack".to_owned()),
        ]);
    }
    all
}
