//! The mail sink: a mail server that keeps every mail as a file. Nothing leaves the machine.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::ports::Ports;
use crate::spec::{PartSpec, Ready};
use crate::tools::Tools;

/// The folder of the mails, below the stack's own.
fn folder(root: &Path) -> PathBuf {
    root.join("mail").join("inbox")
}

/// The Python that has the wheels: its folder lies beside `bin/`.
fn python(tools: &Tools) -> PathBuf {
    tools.bin.with_file_name("venv").join("bin/python3")
}

/// Takes the port.
pub(crate) fn ports(ports: &mut Ports) -> io::Result<()> {
    ports.tcp("mail").map(drop)
}

/// Describes the sink: `devstack/python/mail_sink.py` of the project, with the wheels' own Python.
pub(crate) fn part(project: &Path, root: &Path, tools: &Tools, ports: &BTreeMap<String, u16>) -> PartSpec {
    let port = ports.get("mail").copied().unwrap_or_default();
    PartSpec::new("mail", python(tools), root.join("mail"))
        // Only the wheels, whatever the shell of the developer sets.
        .args(["-I".to_owned(), project.join("devstack/python/mail_sink.py").display().to_string()])
        .args(["--port".to_owned(), port.to_string()])
        .args(["--folder".to_owned(), folder(root).display().to_string()])
        .ready(Ready::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        .binds(&["mail"])
}

/// The variables of a caller.
pub(crate) fn environment(root: &Path, ports: &BTreeMap<String, u16>) -> Vec<(String, String)> {
    let port = ports.get("mail").copied().unwrap_or_default();
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        text("EMAIL_PROVIDER", "smtp"),
        text("SMTP_HOST", "127.0.0.1"),
        text("SMTP_PORT", &port.to_string()),
        text("SMTP_TLS", "off"),
        text("TENANTRY_DEV_MAIL", &folder(root).display().to_string()),
    ]
}
