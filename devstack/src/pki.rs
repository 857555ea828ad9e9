//! Authorities and certificates of the local cluster and mesh, and one kubeconfig per identity. Made once per data folder;
//! they outlive it by far.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

/// User name and group of every identity. `system:masters` has all rights; the two of the product have none but those
/// of `deploy/base`.
pub(crate) const IDENTITIES: [(&str, &str); 4] = [
    ("admin", "system:masters"),
    ("cert-manager", "system:masters"),
    ("tenantry", "tenantry"),
    ("tenantry-challenge", "tenantry"),
];

/// What istiod takes the edge for; it gives Secrets of `istio-system` to this identity only.
const EDGE_IDENTITY: &str = "spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway";

/// Makes `pki/` (API server, ACME server, service accounts, identities) and `mesh/` (istiod's root, the edge's client
/// certificate) below the folder, unless they are there.
pub(crate) fn make(dir: &Path) -> io::Result<()> {
    let (pki, mesh) = (dir.join("pki"), dir.join("mesh"));
    if pki.join("complete").exists() {
        return Ok(());
    }
    for folder in [&pki, &mesh] {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let cluster = authority("devcluster")?;
    write(&pki, "ca", &cluster.1, cluster.0.key())?;
    for name in ["apiserver", "acme"] {
        let mut server = CertificateParams::new(vec!["localhost".to_owned(), "kubernetes.default.svc".to_owned()])
            .map_err(io::Error::other)?;
        for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 96, 0, 1)] {
            server.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(address)));
        }
        leaf(&pki, name, server, &[(DnType::CommonName, name)], ExtendedKeyUsagePurpose::ServerAuth, &cluster.0)?;
    }
    // The certificate is the public half: the API server does not read a PKCS#8 key as one.
    let accounts = [(DnType::CommonName, "service-account")];
    leaf(
        &pki,
        "service-account",
        CertificateParams::default(),
        &accounts,
        ExtendedKeyUsagePurpose::ClientAuth,
        &cluster.0,
    )?;
    for (user, group) in IDENTITIES {
        let names = [(DnType::CommonName, user), (DnType::OrganizationName, group)];
        leaf(&pki, user, CertificateParams::default(), &names, ExtendedKeyUsagePurpose::ClientAuth, &cluster.0)?;
    }
    let root = authority("tenantry development mesh")?;
    // The names that istiod looks for in ROOT_CA_DIR.
    for name in ["root-cert.pem", "ca-cert.pem", "cert-chain.pem"] {
        private(&mesh.join(name), &root.1)?;
    }
    private(&mesh.join("ca-key.pem"), &root.0.key().serialize_pem())?;
    let mut edge = CertificateParams::default();
    edge.subject_alt_names.push(SanType::URI(EDGE_IDENTITY.try_into().map_err(io::Error::other)?));
    edge.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    leaf(&mesh, "edge", edge, &[(DnType::CommonName, "edge")], ExtendedKeyUsagePurpose::ClientAuth, &root.0)?;
    fs::write(pki.join("complete"), "")
}

/// Writes the kubeconfig of every identity; the address changes with every start.
pub(crate) fn kubeconfigs(dir: &Path, api: u16) -> io::Result<()> {
    let read = |name: &str| fs::read(dir.join("pki").join(name)).map(|raw| STANDARD.encode(raw));
    for (user, _) in IDENTITIES {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: tenantry-dev\n\
             clusters:\n- name: tenantry-dev\n  cluster:\n    server: https://127.0.0.1:{api}\n    \
             certificate-authority-data: {ca}\n\
             users:\n- name: {user}\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n\
             contexts:\n- name: tenantry-dev\n  context:\n    cluster: tenantry-dev\n    user: {user}\n    namespace: msp\n",
            ca = read("ca.crt")?,
            certificate = read(&format!("{user}.crt"))?,
            key = read(&format!("{user}.key"))?,
        );
        private(&dir.join(format!("{user}.kubeconfig")), &text)?;
    }
    Ok(())
}

fn authority(name: &str) -> io::Result<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    Ok((Issuer::new(params, key), certificate.pem()))
}

fn leaf(
    folder: &Path,
    name: &str,
    mut params: CertificateParams,
    names: &[(DnType, &str)],
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'static, KeyPair>,
) -> io::Result<()> {
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in names {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages.insert(0, usage);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.signed_by(&key, issuer).map_err(io::Error::other)?;
    write(folder, name, &certificate.pem(), &key)
}

fn write(folder: &Path, name: &str, certificate: &str, key: &KeyPair) -> io::Result<()> {
    private(&folder.join(format!("{name}.crt")), certificate)?;
    private(&folder.join(format!("{name}.key")), &key.serialize_pem())
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
