//! Nothing secret leaves its place: what a registration used is searched for in everything that people and tools read.

use crate::rig::on_the_stack;
use anyhow::{Context as _, ensure};
use harness::{Domain, Rig};
use std::collections::BTreeMap;
use std::process::Stdio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A few symbols of a random value are enough to know it, and survive a line break.
const NEEDLE_CHARS: usize = 32;

/// A page of a local server. HTTP/1.0, so that no chunk begins in the middle of what is searched for.
async fn page(rig: &Rig, port: &str, path: &str) -> anyhow::Result<String> {
    let port = rig.stack.port(port).with_context(|| format!("the stack has no port {port}"))?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    ensure!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{path}: {answer:.200}");
    Ok(answer)
}

/// The Challenges of the registration as they come and go: each lives for a second or two.
fn watch_challenges(rig: &Rig, into: &std::path::Path) -> anyhow::Result<Child> {
    let value = |name: &str| rig.environment.get(name).cloned().unwrap_or_default();
    Ok(Command::new("kubectl")
        .args(["get", "challenges.acme.cert-manager.io", "-n", "msp", "--watch", "-o", "jsonpath={.spec.key}{\"\\n\"}"])
        .env("PATH", value("PATH"))
        .env("KUBECONFIG", value("KUBECONFIG_ADMIN"))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(into)?)
        .kill_on_drop(true)
        .spawn()?)
}

async fn preflight_tokens(rig: &Rig, domain: &Domain) -> anyhow::Result<String> {
    let value = |name: &str| rig.environment.get(name).cloned().unwrap_or_default();
    let text = format!("SELECT string_agg(token, ' ') FROM tenantry.preflight_tokens WHERE host = '{}'", domain.host);
    let output = Command::new("psql")
        .args([&value("DATABASE_URL"), "-At", "-c", &text])
        .env("PATH", value("PATH"))
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What must not be found, by what it is.
async fn secrets(rig: &Rig, domain: &Domain, challenges: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut add = |what: &str, value: &str| found.insert(format!("{what} #{}", found.len()), value.to_owned());
    for (n, key) in challenges.lines().filter(|line| !line.is_empty()).enumerate() {
        add("ACME key authorization", key);
        ensure!(key.len() > NEEDLE_CHARS, "key authorization {n} is short");
    }
    for (name, value) in rig.environment.iter().filter(|(name, _)| name.contains("PASSWORD")) {
        ensure!(value.len() >= 12, "{name} is too short to be searched for");
        add(name, value);
    }
    for namespace in ["msp", "istio-system"] {
        let name = format!("portal-domain-{}", domain.id);
        for template in ["{{index .data \"tls.key\"}}", "{{index .data \"tls.key\" | base64decode}}"] {
            let output = format!("go-template={template}");
            let key = rig.kubectl.run(&["get", "secret", "-n", namespace, &name, "-o", &output], None).await?;
            let longest = key.lines().filter(|line| !line.contains("-----")).max_by_key(|line| line.len());
            // From the middle: the beginning is the same in every key of its kind.
            let line = longest.context("the key is empty")?;
            let middle = line.len() / 2;
            let needle = line.get(middle - NEEDLE_CHARS / 2..middle + NEEDLE_CHARS / 2).context("the key is short")?;
            add("private key", needle);
        }
    }
    Ok(found)
}

#[test]
fn no_secret_of_a_registration_is_in_a_log_a_history_or_a_metric() {
    on_the_stack(async |rig| {
        let seen = rig.stack.root().join("challenges-seen");
        let mut watch = watch_challenges(rig, &seen)?;
        let domain = rig.domain("canary").await?;
        domain.go_live(rig).await?;
        domain.reconcile(rig).await?;
        watch.kill().await?;
        let challenges = std::fs::read_to_string(&seen)?;
        ensure!(!challenges.trim().is_empty(), "no Challenge was seen");
        let secrets = secrets(rig, &domain, &challenges).await?;
        let tokens = preflight_tokens(rig, &domain).await?;

        let history = format!("/api/v1/namespaces/default/workflows/{}/history", domain.workflow_id());
        let (_, explained, _) =
            rig.tenantry(&["domain", "explain", "--tenant", &domain.tenant.to_string(), "--output", "json"]).await?;
        let mut places = BTreeMap::from([
            ("history".to_owned(), page(rig, "temporal-http", &history).await?),
            ("metrics".to_owned(), page(rig, "worker-metrics", "/metrics").await?),
            ("explain".to_owned(), explained),
        ]);
        for name in ["worker", "challenge-responder"] {
            let log = rig.stack.root().join("logs").join(format!("{name}.log"));
            places.insert(format!("log of the {name}"), std::fs::read_to_string(&log).with_context(|| name)?);
        }
        // The search finds what is there: the history holds the answers of local activities in clear.
        let token = tokens.split(' ').next().context("no preflight token")?;
        ensure!(places["history"].contains(token), "a local activity's answer is not readable in the history");
        ensure!(!places["history"].contains("\"nextPageToken\""), "the history has more than one page");
        ensure!(places["log of the worker"].contains("starting the worker"), "this is not the worker's log");

        let mut leaks = Vec::new();
        for (place, text) in &places {
            leaks.extend(
                secrets.iter().filter(|(_, v)| text.contains(v.as_str())).map(|(k, _)| format!("{k} in {place}")),
            );
            if text.contains("PRIVATE KEY-----") {
                leaks.push(format!("a PEM key in {place}"));
            }
            // A preflight token is a nonce that anybody who asks the host may see; it is in the history, and nowhere else.
            if place != "history" && tokens.split(' ').any(|token| text.contains(token)) {
                leaks.push(format!("a preflight token in {place}"));
            }
        }
        ensure!(leaks.is_empty(), "{leaks:?}");
        Ok(())
    });
}
