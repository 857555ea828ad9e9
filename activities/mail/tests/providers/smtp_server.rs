//! Runs `smtp_server.py` with the Python of the pinned wheels, and talks to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use devstack::{PartSet, Silent};
use mail::{Smtp, SmtpLimits, SmtpSettings, SmtpTls};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, OnceCell};

/// A running server; it ends with this value.
pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _child: Child,
}

/// A mail as the server took it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) headers: Vec<String>,
    pub(crate) message_id: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) tls: bool,
    pub(crate) login: Option<String>,
}

/// The Python of the pinned wheels; the first test that asks installs them.
pub(crate) async fn python() -> &'static Path {
    static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();
    let install = || async {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let tools = devstack::prepare(&project, &PartSet::of(&[]), &Silent).await.expect("the pinned wheels");
        tools.bin.with_file_name("venv").join("bin/python3")
    };
    PYTHON.get_or_init(install).await
}

impl SmtpServer {
    /// Starts one without TLS.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts one with these variables; see the script.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/providers/smtp_server.py");
        let mut child = Command::new(python().await)
            .args(["-I", script])
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&output.next_line().await.unwrap().unwrap()).unwrap();
        let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        Self { port, pipes: Mutex::new((input, output)), _child: child }
    }

    async fn ask(&self, question: Value) -> Value {
        let mut pipes = self.pipes.lock().await;
        pipes.0.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        serde_json::from_str(&pipes.1.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// Gives the next connection a fault, such as `cut:rcpt`.
    pub(crate) async fn fault(&self, fault: &str) {
        self.ask(json!({ "fault": fault })).await;
    }

    /// What was taken, oldest first.
    pub(crate) async fn mails(&self) -> Vec<Received> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let texts = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        let one = |mail: &Value| Received {
            to: texts(&mail["to"]),
            subject: text(&mail["subject"]),
            headers: texts(&mail["headers"]),
            message_id: text(&mail["message_id"]),
            text: text(&mail["text"]),
            html: text(&mail["html"]),
            raw: STANDARD.decode(text(&mail["raw"])).unwrap(),
            tls: mail["tls"].as_bool().unwrap(),
            login: mail["login"].as_str().map(str::to_owned),
        };
        self.ask(json!({ "mails": true })).await.as_array().unwrap().iter().map(one).collect()
    }

    /// Settings of a client without TLS that gives up early enough for a test.
    pub(crate) fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            login: None,
            tls: SmtpTls::Off,
            ca_file: None,
            hello: None,
            limits: SmtpLimits { connect: Duration::from_secs(2), total: Duration::from_secs(3) },
        }
    }

    /// A client that remembers nothing yet, as after a start of the process.
    pub(crate) fn client(&self) -> Smtp {
        Smtp::new(self.settings()).unwrap()
    }
}
