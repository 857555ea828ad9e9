//! `dev` and `dev --once`: from nothing to a live domain, with the timeline on standard error.

use super::{Folders, background, sample};
use crate::cli::{Output, print, print_json};
use crate::clients::outside;
use crate::commands::timeline::{self, End, Stages, Timeline};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use devstack::{Lines, Options, Stack};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Longest life of the sample domain from its registration to `active`.
const ACTIVE_WITHIN: Duration = Duration::from_secs(300);

/// Entries of the row's history that are read; a registration has about ten.
const HISTORY_MAX: u32 = 100;

/// The answer of `dev --once --output json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    domain: String,
    status: String,
    /// Seconds from the registration to each status.
    stages: Stages,
    certificate: Certificate,
    https_status: u32,
    urls: BTreeMap<String, String>,
}

/// The certificate that a visitor saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    fingerprint_sha256: String,
    not_after: String,
}

/// Starts, shows, and stays; with `once` it ends when the domain is live.
pub(super) async fn run(once: bool, use_external: bool, output: Output) -> Result<Exit, Failure> {
    crate::telemetry::logs::install("error", crate::telemetry::logs::Reader::Person, None);
    let folders = Folders::find()?;
    let options = Options { ephemeral: true, ..folders.options(&folders.shown(), use_external)? };
    let began = Instant::now();
    tell("starting the stack (the first time it is fetched and built)");
    let stack = tokio::select! {
        started = Box::pin(devstack::start(&options, &Lines)) => started.map_err(background::did_not_start)?,
        // The parts end with this process.
        _ = tokio::signal::ctrl_c() => return Err(Failure::new(Exit::No, "interrupted before the stack was up")),
    };
    tell(&format!("the stack is up after {:.1} s", began.elapsed().as_secs_f64()));
    let outcome = tokio::select! {
        outcome = Box::pin(live(&stack, once, use_external, output)) => outcome,
        () = stop_asked() => {
            tell("stopping");
            Ok(Exit::Ok)
        }
    };
    let stopped = stack.stop().await;
    let exit = outcome?;
    stopped.map_err(|error| Failure::of(Exit::Internal, error))?;
    Ok(exit)
}

async fn stop_asked() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("the runtime has its signal driver on");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

pub(super) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The life of the sample domain.
async fn live(stack: &Stack, once: bool, use_external: bool, output: Output) -> Result<Exit, Failure> {
    let environment = stack.environment();
    let source = Source::of(environment.clone());
    if devstack::points_outside() && !use_external {
        tell("the database or the cluster is not ours: nothing was seeded (--use-external does)");
        tell(&background::urls_text(&environment));
        return stay(once).await;
    }
    tell("creating the sample tenant");
    Box::pin(sample::tenant(&source, tell)).await?;
    tell(&format!("registering {} for the sample tenant", sample::HOST));
    let (began, began_ms) = (Instant::now(), outside::now_ms());
    let sample = Box::pin(sample::domain(&source)).await?;
    let whose = sample.whose();
    let look = || sample.domains.look(whose);
    let (timeline, end) =
        timeline::follow(began, Some("active"), Some(ACTIVE_WITHIN), look, |change| tell(&timeline::line(change)))
            .await?;
    if end != End::Reached {
        let last = timeline.last();
        return Err(Failure::new(
            Exit::No,
            format!(
                "{} is {} and not active after {:.0} s: {} {}",
                sample::HOST,
                last.status,
                began.elapsed().as_secs_f64(),
                last.reason,
                last.message
            ),
        ));
    }
    let report = check(&source, &environment, &sample, (&timeline, began_ms)).await?;
    match output {
        Output::Json => print_json(&report),
        Output::Text => print(&text(&report, &sample.row.canonical_host, &super::program())),
    }
    if report.https_status != 200 {
        return Err(Failure::new(Exit::No, format!("HTTPS answered {} instead of 200", report.https_status)));
    }
    stay(once).await
}

async fn stay(once: bool) -> Result<Exit, Failure> {
    if !once {
        tell("Ctrl-C ends it all.");
        std::future::pending::<()>().await;
    }
    Ok(Exit::Ok)
}

/// Looks from outside, as a visitor, and puts everything together.
async fn check(
    source: &Source,
    environment: &BTreeMap<String, String>,
    sample: &sample::Sample,
    (timeline, began_ms): (&Timeline, i64),
) -> Result<Report, Failure> {
    let detail = store::domain_status(sample.domains.rows(), sample::TENANT)
        .await
        .map_err(|error| Failure::of(Exit::Unreachable, error))?;
    let nonce = detail.and_then(|detail| detail.claim).map(|claim| claim.probe_nonce).unwrap_or_default();
    let look = outside::look(source, sample::HOST, &nonce).await?;
    let finding = look.finding.clone().unwrap_or_default();
    if finding.state != "serving" {
        return Err(Failure::new(
            Exit::No,
            format!("the domain is active, but a look from outside says {} {}", finding.state, finding.reason),
        ));
    }
    let mut urls = background::urls(environment);
    let port = environment.get("PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT").map_or("443", String::as_str);
    urls.insert("portal".to_owned(), format!("https://{}:{port}/client-portal/dashboard", sample::HOST));
    urls.extend(curl_of(environment).map(|line| ("curl".to_owned(), line)));
    if let Some(ui) = environment.get("TENANTRY_DEV_TEMPORAL_UI") {
        let id = contract::names::portal_domain_workflow_id(&sample::TENANT.to_string());
        urls.insert("run".to_owned(), format!("{ui}/namespaces/default/workflows/{id}"));
    }
    let history = store::history(sample.domains.rows(), sample::TENANT, HISTORY_MAX)
        .await
        .map_err(|error| Failure::of(Exit::Unreachable, error))?;
    let mut stages = timeline.stages();
    stages.complete(
        history
            .into_iter()
            .filter(|entry| entry.portal_domain_id == sample.row.portal_domain_id && !entry.status.is_empty())
            .map(|entry| (entry.status, (entry.at_us - began_ms * 1000) as f64 / 1e6)),
    );
    Ok(Report {
        domain: sample::HOST.to_owned(),
        status: timeline.last().status,
        stages,
        certificate: Certificate {
            fingerprint_sha256: look.fingerprint_sha256.clone(),
            not_after: instant_ms(look.not_after_ms),
        },
        https_status: look.https_status,
        urls,
    })
}

fn instant_ms(ms: i64) -> String {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + since).to_string()
}

/// The line that asks the sample domain for its page, of a stack that has an edge.
pub(super) fn curl_of(environment: &BTreeMap<String, String>) -> Option<String> {
    let (ca, port) =
        (environment.get("PORTAL_DOMAIN_PROBE_CA_FILE")?, environment.get("PORTAL_DOMAIN_EXTERNAL_HTTPS_PORT")?);
    Some(curl(ca, sample::HOST, port))
}

fn curl(ca: &str, host: &str, port: &str) -> String {
    let edge = devstack::EDGE_ADDRESS;
    format!("curl --cacert {ca} --resolve {host}:{port}:{edge} https://{host}:{port}/client-portal/dashboard")
}

/// `program`: how this one is called before its folder is in the PATH.
fn text(report: &Report, target: &str, program: &str) -> String {
    let mut text = format!("\n{} is {}\n\n", report.domain, report.status);
    for (status, seconds) in &report.stages.0 {
        text.push_str(&format!("  {seconds:>6.1} s  {status}\n"));
    }
    text.push_str(&format!(
        "\n  certificate  {} until {}\n  HTTPS        {}\n",
        report.certificate.fingerprint_sha256, report.certificate.not_after, report.https_status
    ));
    for (name, url) in &report.urls {
        text.push_str(&format!("  {name:<12} {url}\n"));
    }
    let host = &report.domain;
    text.push_str(&format!("\n  in a shell   eval \"$({program} dev env)\"\n"));
    text.push_str(&format!("  break it     tenantry dev dns unset {host} CNAME\n"));
    text.push_str(&format!("  repair it    tenantry dev dns set {host} CNAME {target}\n"));
    text.push_str(&format!("  explain it   tenantry domain explain --tenant {}\n", sample::TENANT));
    text.push_str(&format!("  order it off tenantry domain disable --tenant {} --wait gone\n", sample::TENANT));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_the_fields_that_were_promised() {
        let report = Report {
            domain: "a.test".to_owned(),
            status: "active".to_owned(),
            stages: Stages(vec![("pending_dns".to_owned(), 0.0), ("active".to_owned(), 21.4)]),
            certificate: Certificate { fingerprint_sha256: "ab".to_owned(), not_after: instant_ms(1_764_100_800_000) },
            https_status: 200,
            urls: [("portal".to_owned(), "https://a.test/".to_owned())].into(),
        };
        let json = serde_json::to_string(&report).expect("written");
        let expected = r#"{"domain":"a.test","status":"active","stages":{"pending_dns":0.0,"active":21.4},"certificate":{"fingerprintSha256":"ab","notAfter":"2025-11-25T20:00:00Z"},"httpsStatus":200,"urls":{"portal":"https://a.test/"}}"#;
        assert_eq!(json, expected);
        let text = text(&report, "x.portal.test", "/x/target/debug/tenantry");
        assert!(text.contains("eval \"$(/x/target/debug/tenantry dev env)\"\n"), "{text}");
        assert!(text.contains("     0.0 s  pending_dns\n    21.4 s  active\n"), "{text}");
        assert!(text.contains("dns set a.test CNAME x.portal.test\n"), "{text}");
    }

    #[test]
    fn the_curl_line_needs_no_resolver() {
        let line = curl("/x/roots.pem", "a.test", "8443");
        let expected =
            "curl --cacert /x/roots.pem --resolve a.test:8443:127.0.0.10 https://a.test:8443/client-portal/dashboard";
        assert_eq!(line, expected);
    }
}
