//! knot with the suite's zones, as processes on loopback: one each for the root, the top level and the zones, because one
//! knot that holds parent and child would never refer.

use crate::suite::{RECORDS, Wire, ZONES, ask};
use anyhow::{Context, bail};
use hickory_proto::rr::RecordType;
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Addresses of the three: root, top level, zones.
const ADDRESSES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 0, 61), Ipv4Addr::new(127, 0, 0, 62), Ipv4Addr::new(127, 0, 0, 63)];
/// How long knot may take to answer its first question.
const READY_MAX: Duration = Duration::from_secs(20);
/// How often a free port is tried.
const PORT_TRIES: usize = 20;

/// Finds `knotd` in PATH or where Debian puts it.
pub fn knotd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    folders.map(|folder| folder.join("knotd")).find(|file| file.is_file())
}

/// Running knots. Dropping it ends them.
#[derive(Debug)]
pub struct Knot {
    children: Vec<Child>,
    port: u16,
}

impl Knot {
    /// Starts the three and waits until each answers. `folder` must outlive them.
    ///
    /// # Errors
    /// knot does not start or does not answer; its own words are in `<part>/log` of the folder.
    pub async fn start(knotd: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut knot = Self { children: Vec::new(), port: free_port()? };
        let parts: [(&str, Vec<(&str, String)>); 3] = [
            ("root", vec![(".", delegations("test", &["test"], ADDRESSES[0], ADDRESSES[1]))]),
            ("top", vec![("test", delegations("test", &ZONES, ADDRESSES[1], ADDRESSES[2]))]),
            ("zones", ZONES.iter().map(|zone| (*zone, zone_file(zone))).collect()),
        ];
        for ((part, zones), address) in parts.iter().zip(ADDRESSES) {
            let child = run(knotd, &folder.join(part), zones, SocketAddr::new(address.into(), knot.port))?;
            knot.children.push(child);
        }
        for ((part, zones), address) in parts.iter().zip(ADDRESSES) {
            let at = SocketAddr::new(address.into(), knot.port);
            ready(at, zones[0].0).await.with_context(|| {
                let log = fs::read_to_string(folder.join(part).join("log")).unwrap_or_default();
                format!("knot for {part} did not answer: {log}")
            })?;
        }
        Ok(knot)
    }

    /// Root hints that lead through these servers.
    pub fn root(&self) -> Vec<IpAddr> {
        vec![ADDRESSES[0].into()]
    }

    /// The server of the suite's zones.
    pub fn zones(&self) -> SocketAddr {
        SocketAddr::new(ADDRESSES[2].into(), self.port)
    }

    /// The server of the top-level zone.
    pub fn top(&self) -> SocketAddr {
        SocketAddr::new(ADDRESSES[1].into(), self.port)
    }

    /// The port of all three.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Knot {
    fn drop(&mut self) {
        for child in &mut self.children {
            // An error means that it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that is free at every address.
fn free_port() -> anyhow::Result<u16> {
    for _ in 0..PORT_TRIES {
        let first = TcpListener::bind((ADDRESSES[0], 0))?;
        let port = first.local_addr()?.port();
        if ADDRESSES[1..].iter().all(|address| TcpListener::bind((*address, port)).is_ok()) {
            return Ok(port);
        }
    }
    bail!("no port is free at all of {ADDRESSES:?}")
}

fn run(knotd: &Path, folder: &Path, zones: &[(&str, String)], at: SocketAddr) -> anyhow::Result<Child> {
    fs::create_dir_all(folder)?;
    let mut config = format!(
        "server:\n    rundir: \"{0}\"\n    listen: {1}@{2}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n    storage: \"{0}\"\n\
         template:\n  - id: default\n    storage: \"{0}\"\n    journal-content: none\n    zonefile-sync: -1\n\
         zone:\n",
        folder.display(),
        at.ip(),
        at.port()
    );
    for (n, (zone, text)) in zones.iter().enumerate() {
        fs::write(folder.join(format!("{n}.zone")), text)?;
        writeln!(config, "  - domain: \"{zone}\"\n    file: \"{n}.zone\"")?;
    }
    let file = folder.join("knot.conf");
    fs::write(&file, config)?;
    let log = fs::File::create(folder.join("log"))?;
    Command::new(knotd)
        .arg("--config")
        .arg(&file)
        .arg("--socket")
        .arg(folder.join("knot.sock"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("could not start knotd")
}

async fn ready(at: SocketAddr, zone: &str) -> anyhow::Result<()> {
    let name = zone.trim_end_matches('.');
    let until = Instant::now() + READY_MAX;
    loop {
        match ask(at, name, RecordType::SOA, Wire::Tcp).await {
            Ok(told) if told[0].contains("aa=true") => return Ok(()),
            answer if Instant::now() >= until => bail!("last answer: {answer:?}"),
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A zone of referrals, all to one server.
fn delegations(suffix: &str, children: &[&str], own: Ipv4Addr, servers: Ipv4Addr) -> String {
    let apex = if children == [suffix] { "." } else { "test." };
    let mut text = format!(
        "$TTL 300\n{apex} SOA ns.nic.{suffix}. hostmaster.invalid. 1 3600 900 604800 5\n{apex} NS a.server-of-{suffix}.{apex}\n\
         a.server-of-{suffix}.{apex} A {own}\n"
    )
    .replace("..", ".");
    for child in children {
        text.push_str(&format!("{child}. NS ns1.{child}.\nns1.{child}. A {servers}\n"));
    }
    text
}

fn zone_file(zone: &str) -> String {
    let mut text = format!(
        "$TTL 60\n{zone}. 300 SOA ns1.{zone}. hostmaster.invalid. 1 3600 900 604800 5\n{zone}. 300 NS ns1.{zone}.\n\
         ns1.{zone}. 300 A {}\n",
        ADDRESSES[2]
    );
    for (owner, kind, value) in RECORDS.iter().filter(|(owner, ..)| owner.ends_with(&format!(".{zone}"))) {
        let value = match *kind {
            "CNAME" => format!("{value}."),
            "TXT" => format!("\"{value}\""),
            _ => (*value).to_owned(),
        };
        text.push_str(&format!("{owner}. {kind} {value}\n"));
    }
    // Too much for 512 octets and for 1,232, so that both servers must truncate.
    for n in 0..20 {
        text.push_str(&format!("large.{zone}. TXT \"{n:02}{}\"\n", "x".repeat(100)));
    }
    text
}
