//! The appliance's image in a local stack: an object store that checks signatures, with a stand-in for the image, and the page
//! that leads to it. What production has in their place is the vendor's store and the order site (licensing contract, sections
//! 11 and 15).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::parts::DOWNLOAD_PATH;
use crate::ports::Ports;
use crate::spec::{PartSpec, Ready};

/// The bucket, a folder of the store.
const BUCKET: &str = "images";
/// The key of the image: the licence API's default.
const IMAGE: &str = "appliance/current/alga-appliance.iso";
/// Any word will do; it is part of what is signed.
const REGION: &str = "local";
/// A block of an ISO 9660 image, in octets.
const SECTOR: usize = 2048;

fn folder(root: &Path) -> PathBuf {
    root.join("downloads")
}

/// Takes the ports.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    ports.tcp("object-store")?;
    ports.tcp("download-page").map(drop)
}

/// Writes the store's key and the stand-in, once per stack: a link holds for days, also over a restart.
pub(crate) fn prepare(root: &Path) -> io::Result<()> {
    let folder = folder(root);
    let image = folder.join("store").join(BUCKET).join(IMAGE);
    if let Some(parent) = image.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&image, stand_in())?;
    let secret = folder.join("secret-key");
    if !secret.exists() {
        let key: String = rand::random::<[u8; 20]>().iter().map(|byte| format!("{byte:02x}")).collect();
        let next = folder.join("secret-key.new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(key.as_bytes())?;
        fs::rename(next, secret)?;
    }
    Ok(())
}

/// An ISO 9660 image with nothing in it: an empty system area, a primary volume descriptor with a name, and the end of
/// the descriptors (ECMA-119, sections 6.2.1, 8.3 and 8.4).
fn stand_in() -> Vec<u8> {
    let mut image = vec![0; 16 * SECTOR];
    for (kind, name) in [(1_u8, "ALGA_APPLIANCE_STAND_IN"), (255, "")] {
        let start = image.len();
        image.push(kind);
        image.extend_from_slice(b"CD001\x01\x00");
        if kind == 1 {
            image.extend_from_slice(format!("{:32}{name:32}", "").as_bytes());
        }
        image.resize(start + SECTOR, 0);
    }
    image
}

/// The settings of the store, by the names that the licence API and `tenantry license presign` read.
pub(crate) fn settings(root: &Path, ports: &BTreeMap<String, u16>) -> io::Result<Vec<(String, String)>> {
    let text = |name: &str, value: String| (name.to_owned(), value);
    Ok(vec![
        text("OBJECT_STORE_ENDPOINT", format!("http://{}", local(ports, "object-store"))),
        text("OBJECT_STORE_REGION", REGION.to_owned()),
        text("OBJECT_STORE_BUCKET", BUCKET.to_owned()),
        text("OBJECT_STORE_ACCESS_KEY", "local-stack".to_owned()),
        text("OBJECT_STORE_SECRET_KEY", fs::read_to_string(folder(root).join("secret-key"))?),
        text("APPLIANCE_ISO_KEY", IMAGE.to_owned()),
    ])
}

fn local(ports: &BTreeMap<String, u16>, name: &str) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, ports.get(name).copied().unwrap_or_default()))
}

/// Describes the store. Its key is not in its arguments, which every user of the machine sees.
pub(crate) fn store(program: &Path, root: &Path, ports: &BTreeMap<String, u16>) -> io::Result<PartSpec> {
    let address = local(ports, "object-store");
    let mut part = PartSpec::new("object-store", program, folder(root))
        .args([address.to_string(), folder(root).join("store").display().to_string()])
        .ready(Ready::Tcp(address))
        .binds(&["object-store"])
        .tier(2);
    part.env = settings(root, ports)?.into_iter().collect();
    Ok(part)
}

/// Describes the page.
pub(crate) fn page(binary: &Path, root: &Path, ports: &BTreeMap<String, u16>) -> io::Result<PartSpec> {
    let address = local(ports, "download-page");
    let mut part = PartSpec::new("download-page", binary, root)
        .args(["dev".to_owned(), "part".to_owned(), "download-page".to_owned(), address.to_string()])
        .ready(Ready::Http { address, path: "/healthz".to_owned() })
        .binds(&["download-page"])
        .tier(3);
    part.env = settings(root, ports)?.into_iter().collect();
    Ok(part)
}

/// The variables of a caller.
pub(crate) fn environment(root: &Path, ports: &BTreeMap<String, u16>) -> io::Result<Vec<(String, String)>> {
    let mut all = settings(root, ports)?;
    let page = format!("http://{}{DOWNLOAD_PATH}", local(ports, "download-page"));
    all.push(("TENANTRY_DEV_DOWNLOAD_PAGE".to_owned(), page));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_is_an_image_and_the_key_stays() {
        let root = std::env::temp_dir().join(format!("tenantry-downloads-{}", std::process::id()));
        let ports = BTreeMap::from([("object-store".to_owned(), 20_001), ("download-page".to_owned(), 20_002)]);
        prepare(&root).unwrap();
        let first = settings(&root, &ports).unwrap();
        prepare(&root).unwrap();
        assert_eq!(settings(&root, &ports).unwrap(), first);
        let image = fs::read(folder(&root).join("store").join(BUCKET).join(IMAGE)).unwrap();
        assert_eq!(
            (image.len(), &image[16 * SECTOR..16 * SECTOR + 6], image[17 * SECTOR]),
            (18 * SECTOR, &b"\x01CD001"[..], 255)
        );
        let spec = store(Path::new("/bin/true"), &root, &ports).unwrap();
        let secret = &spec.env["OBJECT_STORE_SECRET_KEY"];
        assert_eq!(secret.len(), 40);
        assert!(!spec.args.iter().any(|arg| arg.contains(secret.as_str())));
        fs::remove_dir_all(root).unwrap();
    }
}
