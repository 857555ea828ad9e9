//! The authority and the way of its check: an outage, and a challenge path on which somebody else answers.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::{Domain, Rig, Signal, Status};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// An outage of the sample authority: every request is answered 503. Ends when dropped.
struct Outage(std::path::PathBuf);

impl Outage {
    fn begin(rig: &Rig) -> anyhow::Result<Self> {
        let file =
            rig.environment.get("TENANTRY_DEV_ACME_DOWN").context("the stack has no switch for the authority")?;
        std::fs::write(file, "")?;
        Ok(Self(file.into()))
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        // The test fails by itself when the authority stays away.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers every request with 404. Ends when dropped.
struct NotFound {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl NotFound {
    fn listen(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Acquire) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Ok(Self { port, ended, thread: Some(thread) })
    }
}

impl Drop for NotFound {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the loop.
        let _ = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Orders that exist in the cluster for a domain.
async fn orders(rig: &Rig, domain: &Domain) -> anyhow::Result<usize> {
    let template = r#"{range .items[*]}{.spec.dnsNames[0]}{"\n"}{end}"#;
    let jsonpath = format!("jsonpath={template}");
    let hosts = rig.kubectl.run(&["get", "orders.acme.cert-manager.io", "-n", "msp", "-o", &jsonpath], None).await?;
    Ok(hosts.lines().filter(|host| *host == domain.host).count())
}

#[test]
fn an_authority_that_is_away_is_named_and_used_again_when_it_is_back() {
    on_the_stack(async |rig| {
        let live = rig.domain("authority-live").await?;
        live.go_live(rig).await?;
        let domain = rig.domain("authority-away").await?;
        domain.point_here(rig)?;
        let outage = Outage::begin(rig)?;
        domain.announce(rig, "register").await?;
        let row = domain.shows(rig, "ACME_CA_UNAVAILABLE", 2 * MINUTE).await?;
        ensure!(row.status == Status::CertificateIssuing.as_str(), "an outage is no failure of the tenant: {row:?}");
        rig.oracle(&domain).await?;
        ensure!(orders(rig, &domain).await? <= 1, "an outage spends no orders");
        ensure!(live.row(rig).await?.is_some_and(|row| row.status == "active"), "a live domain changed");
        drop(outage);
        domain.reaches(rig, Status::Active, 3 * MINUTE).await?;
        rig.oracle(&domain).await
    });
}

#[test]
fn a_challenge_path_that_answers_404_spends_no_order() {
    on_the_stack(async |rig| {
        let port = rig.stack.port("responder").context("the responder has no port")?;
        rig.stack.kill_part("challenge-responder", Signal::Kill).await?;
        let other = NotFound::listen(port)?;
        let domain = rig.domain("path-404").await?;
        domain.point_here(rig)?;
        domain.announce(rig, "register").await?;
        let shown = domain.shows(rig, "HTTP01_WRONG_CONTENT", MINUTE).await;
        let spent = orders(rig, &domain).await;
        let judged = rig.oracle(&domain).await;
        drop(other);
        rig.stack.start_part("challenge-responder").await?;
        let row = shown?;
        ensure!(row.status == Status::PendingCertificate.as_str(), "{row:?}");
        ensure!(spent? == 0, "an order was spent on a closed path");
        judged?;
        domain.announce(rig, "refresh").await?;
        domain.reaches(rig, Status::Active, 2 * MINUTE).await?;
        rig.oracle(&domain).await
    });
}
