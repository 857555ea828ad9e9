//! The mail sink of the local stack (`devstack/python/mail_sink.py`).

use crate::mails;
use crate::smtp_server::python;
use mail::{SendMail, Smtp, SmtpLimits, SmtpSettings, SmtpTls};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn every_mail_becomes_one_file_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = folder.path().join("inbox");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../devstack/python/mail_sink.py");
    let mut sink = Command::new(python().await)
        .args(["-I", script, "--port", "0", "--folder"])
        .arg(&inbox)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(sink.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let port = first.strip_prefix("mail for 127.0.0.1:").unwrap().split(' ').next().unwrap().parse().unwrap();
    let client = Smtp::new(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        login: None,
        tls: SmtpTls::Off,
        ca_file: None,
        hello: None,
        limits: SmtpLimits::default(),
    });
    let sent = [mails::to("one"), mails::to("two")];
    for (mail, key) in &sent {
        client.as_ref().unwrap().send(mail, key).await.unwrap();
    }
    let mut files: Vec<_> = fs::read_dir(&inbox).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 2);
    for (file, (mail, _)) in files.iter().zip(&sent) {
        assert!(file.extension().is_some_and(|end| end == "eml"));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(file).unwrap();
        let envelope =
            format!("Return-Path: <noreply@msp.test>\r\nDelivered-To: {}\r\nFrom: ", mail.to.address.as_str());
        assert!(text.starts_with(&envelope), "{text}");
        assert!(text.contains(&format!("Message-ID: {}\r\n", mail.message_id.as_str())), "{text}");
    }
}
