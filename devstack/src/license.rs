//! The licence API of a local stack: keys of its own, a database of its own, and settings that only a development stack may
//! have. Licences are signed with the development key, which builds for development alone trust.

use crate::spec::{PartSpec, Ready};
use ::license::built_in::{
    DEVELOPMENT_KID, DEVELOPMENT_NEXT_KID, DEVELOPMENT_NEXT_TEXT, DEVELOPMENT_ROOT_TEXT, DEVELOPMENT_TEXT,
    development_next_signer, development_statement,
};
use ::license::signer::LicenseSigner as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::Ports;

/// The registry's database.
pub(crate) const DATABASE: &str = "license";

fn folder(root: &Path) -> PathBuf {
    root.join("license")
}

/// Takes the ports.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    ports.tcp("license-api")?;
    ports.tcp("license-metrics").map(drop)
}

/// Writes the keys, the service secret and the statement that are not there yet: codes must be found after a restart.
pub(crate) async fn prepare(root: &Path) -> io::Result<()> {
    let folder = folder(root);
    fs::create_dir_all(&folder)?;
    let key = || STANDARD.encode(rand::random::<[u8; 32]>());
    let next = development_next_signer().public_key().to_spki();
    let list = format!("[{{\"kid\":\"{DEVELOPMENT_NEXT_KID}\",\"spki\":\"{next}\"}}]\n");
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    let now = i64::try_from(since.as_secs()).map_err(io::Error::other)?;
    let statement = development_statement(now).await.map_err(io::Error::other)?;
    for (name, text) in [
        ("signing.pem", development_key(DEVELOPMENT_TEXT)),
        ("signing-next.pem", development_key(DEVELOPMENT_NEXT_TEXT)),
        ("root.pem", development_key(DEVELOPMENT_ROOT_TEXT)),
        ("keys.json", list),
        ("keyset.jwt", statement),
        ("mint-keys", format!("mint-1 {}\n", key())),
        ("lookup-keys", format!("lookup-1 {}\n", key())),
        ("sealing-keys", format!("hash {}\n2026-01 {}\n", key(), key())),
        ("service-secret", format!("{}\n", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))),
        ("database-password", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            write(&path, &text)?;
        }
    }
    Ok(())
}

/// The key of a public text, as an `ECPrivateKey` of the curve P-256 in PEM (RFC 5915 §3, without the public key).
pub fn development_key(text: &str) -> String {
    const HEAD: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    // Tag [0] with the object identifier prime256v1, 1.2.840.10045.3.1.7.
    const CURVE: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let der = [&HEAD[..], &Sha256::digest(text), &CURVE].concat();
    let text = STANDARD.encode(der);
    // 64 characters a line (RFC 7468 §2).
    let (first, second) = text.split_at(64);
    format!("-----BEGIN EC PRIVATE KEY-----\n{first}\n{second}\n-----END EC PRIVATE KEY-----\n")
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    fs::rename(unfinished, path)
}

/// The variables of the service and of its migration; `database` are those of the stack's administrator, `downloads` those of
/// the object store, when there is one.
pub(crate) fn service(
    root: &Path,
    ports: &BTreeMap<String, u16>,
    database: &BTreeMap<String, String>,
    downloads: &[(String, String)],
) -> io::Result<BTreeMap<String, String>> {
    let folder = folder(root);
    let path = |name: &str| folder.join(name).display().to_string();
    let port = |name: &str| ports.get(name).copied().unwrap_or_default().to_string();
    let given = |name: &str| database.get(name).cloned().unwrap_or_default();
    let mut all = BTreeMap::from(
        [
            ("PORT", port("license-api")),
            ("METRICS_PORT", port("license-metrics")),
            ("TENANTRY_BIND_ADDRESS", Ipv4Addr::LOCALHOST.to_string()),
            ("DB_HOST", given("DB_HOST")),
            ("DB_PORT", given("DB_PORT")),
            ("DB_NAME", DATABASE.to_owned()),
            ("DB_USER_ADMIN", given("DB_USER_ADMIN")),
            ("DB_PASSWORD_ADMIN", given("DB_PASSWORD_ADMIN")),
            ("DB_PASSWORD_APP", fs::read_to_string(folder.join("database-password"))?),
            ("TENANTRY_LICENSE_MINT_KEYS_FILE", path("mint-keys")),
            ("TENANTRY_LICENSE_LOOKUP_KEYS_FILE", path("lookup-keys")),
            ("TENANTRY_SEALING_KEYS_FILE", path("sealing-keys")),
            ("TENANTRY_LICENSE_KEYSET_FILE", path("keyset.jwt")),
            ("ALGA_LICENSE_SERVICE_SECRET_FILE", path("service-secret")),
            ("ALGA_LICENSE_PRIVATE_KEY_FILE", path("signing.pem")),
            ("ALGA_LICENSE_KID", DEVELOPMENT_KID.to_owned()),
            ("TENANTRY_LICENSE_CHECK_IN_URL", format!("{}/check-in", base(ports))),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    all.retain(|_, value| !value.is_empty());
    all.extend(downloads.iter().cloned());
    Ok(all)
}

fn base(ports: &BTreeMap<String, u16>) -> String {
    format!("http://127.0.0.1:{}", ports.get("license-api").copied().unwrap_or_default())
}

/// Describes the service; ready when its database answers.
pub(crate) fn part(binary: &Path, root: &Path, environment: BTreeMap<String, String>, port: u16) -> PartSpec {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut part = PartSpec::new("license-api", binary, root)
        .args(["license-api"])
        .ready(Ready::Http { address, path: "/readyz".to_owned() })
        .binds(&["license-api", "license-metrics"])
        .tier(4);
    part.env = environment;
    // The worker's database stands under other names in the environment of the stack.
    part.unset = vec!["DATABASE_URL".to_owned()];
    part
}

/// The variables of a caller.
pub(crate) fn environment(root: &Path, ports: &BTreeMap<String, u16>) -> Vec<(String, String)> {
    let text = |name: &str, value: String| (name.to_owned(), value);
    vec![
        text("ALGA_LICENSE_SERVICE_URL", base(ports)),
        // The service has no certificate here, and commands of an appliance ask for one elsewhere.
        text("ALGA_LICENSE_ALLOW_LOOPBACK", "true".to_owned()),
        text("ALGA_LICENSE_SERVICE_SECRET_FILE", folder(root).join("service-secret").display().to_string()),
    ]
}
