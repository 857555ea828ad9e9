//! `check HOST`: the whole preflight of a registration, without any effect.

use super::text;
use crate::cli::{Output, print, print_json};
use crate::clients::{cluster, outside};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use ::cluster::ClusterActivities;
use clap::Args;
use contract::convert::finding_to_wire;
use model::portal::axis::PolicyState;
use model::portal::hostname::{self, HostRules, Hostname};
use model::portal::names;
use model::reason::ReasonCode;
use proto::v1::{
    DomainObjects, Evidence, Finding, LookUpHostRequest, PreflightRequest, ProbeLook, ProbeRequest, ReadEdgeRequest,
};
use serde::Serialize;
use uuid::Uuid;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The host name.
    host: String,
    /// Name that the host should lead to; the canonical host of --tenant when left out.
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// The tenant that would register it; its own objects at the edge are then no conflict.
    #[arg(long, value_name = "UUID", value_parser = super::uuid)]
    tenant: Option<Uuid>,
    /// Its row; every row of the tenant when left out.
    #[arg(long, value_name = "UUID", value_parser = super::uuid, requires = "tenant")]
    domain_id: Option<Uuid>,
    /// Leaves the cluster out; it is also left out when no kubeconfig is set.
    #[arg(long)]
    no_cluster: bool,
}

/// Three answers, not two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// Nothing stands in the way.
    Good,
    /// Something does.
    NotGood,
    /// We could not look, which is no fault of the host.
    CouldNotTell,
    /// For information: it does not decide.
    Information,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    check: &'static str,
    verdict: Verdict,
    state: String,
    reason: String,
    message: String,
    remedy: String,
    evidence: Vec<Seen>,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Seen {
    server: String,
    question: String,
    answer: String,
}

/// `tenantry domain check`.
pub(super) async fn run(source: &Source, args: CheckArgs, output: Output) -> Result<Exit, Failure> {
    let settings = outside::settings_for_looks(source)?;
    let canonical = match args.tenant {
        Some(tenant) => store::canonical_host(&tenant.to_string(), source.value("NEXTAUTH_URL")),
        None => String::new(),
    };
    let targets =
        if args.target.is_empty() { hostname::accepted_targets("", &canonical, "") } else { args.target.clone() };
    let rules = HostRules {
        canonical_host: canonical,
        reserved_zones: settings.reserved_zones.clone(),
        network: settings.network.clone(),
    };
    let policy = hostname::judge(&args.host, &rules);
    let allowed = policy.state == Some(PolicyState::Allowed);
    let mut checks = vec![made("host", &finding_to_wire(&policy), &["allowed"])];
    if allowed {
        // The name as DNS knows it, A-labels: an allowed name parses.
        let host = Hostname::parse(&args.host).map_or_else(|_| args.host.clone(), |host| host.as_str().to_owned());
        let dns = outside::dns(&settings);
        let judged = !targets.is_empty();
        let look = dns.look_up(&look_up_request(&host, targets)).await;
        for (name, finding, good) in
            [("dns", &look.dns, &["correct", "proxied"][..]), ("ownership", &look.ownership, &["proven"])]
        {
            let made = finding.as_ref().map(|finding| made(name, finding, good));
            checks.extend(made.map(|check| if judged { check } else { without_target(check) }));
        }
        let probe = outside::probe(&settings, dns);
        if look.addresses.is_empty() {
            checks.push(not_asked("http01", "the host has no address"));
        } else {
            let preflight = PreflightRequest {
                host: host.clone(),
                addresses: look.addresses.clone(),
                // Nothing is saved for this token: only the way to the path is checked, not the answer.
                token: format!("check-{}", Uuid::new_v4().simple()),
                body: String::new(),
                now_ms: outside::now_ms(),
                portal_domain_id: String::new(),
            };
            let look = probe.preflight(&preflight).await;
            checks.extend(look.finding.as_ref().map(|finding| made("http01", finding, &["none"])));
        }
        match settings.kubeconfig.as_ref().filter(|_| !args.no_cluster) {
            None if args.no_cluster => checks.push(not_asked("edge", "left out (--no-cluster)")),
            None => checks.push(not_asked("edge", "no kubeconfig is set (KUBECONFIG)")),
            Some(file) => match cluster::of_setting(Some(file)).await {
                Err(_) => checks.push(not_asked("edge", "the kubeconfig cannot be used")),
                Ok(client) => {
                    let cluster = ClusterActivities::new(::cluster::Settings::new(settings.edge.clone()), client);
                    let look = cluster.look_at_edge(&edge_request(&args, &host)).await;
                    let good = ["none", "accepted", "secret_missing"];
                    checks.extend(look.finding.as_ref().map(|finding| made("edge", finding, &good)));
                }
            },
        }
        let live = ProbeRequest { host, now_ms: outside::now_ms(), ..ProbeRequest::default() };
        let live = probe.look(&live).await;
        checks.push(serves_now(&live));
    }
    let exit = judge(&checks);
    match output {
        Output::Text => print(&shown(&args.host, &checks)),
        Output::Json => print_json(&serde_json::json!({"host": args.host, "ok": exit == Exit::Ok, "checks": checks})),
    }
    Ok(exit)
}

fn look_up_request(host: &str, accepted_targets: Vec<String>) -> LookUpHostRequest {
    LookUpHostRequest {
        host: host.to_owned(),
        accepted_targets,
        proof_name: hostname::proof_name(host),
        now_ms: outside::now_ms(),
        ..LookUpHostRequest::default()
    }
}

fn edge_request(args: &CheckArgs, host: &str) -> ReadEdgeRequest {
    let id = args.domain_id.map(|id| id.to_string()).unwrap_or_default();
    let objects = DomainObjects {
        tenant_id: args.tenant.map(|tenant| tenant.to_string()).unwrap_or_default(),
        slug: names::slug(if id.is_empty() { "check" } else { &id }),
        portal_domain_id: id,
        host: host.to_owned(),
        ..DomainObjects::default()
    };
    ReadEdgeRequest { objects: Some(objects), now_ms: outside::now_ms(), ..ReadEdgeRequest::default() }
}

fn made(check: &'static str, finding: &Finding, good: &[&str]) -> Check {
    let verdict = if finding.state == "unknown" {
        Verdict::CouldNotTell
    } else if good.contains(&finding.state.as_str()) {
        Verdict::Good
    } else {
        Verdict::NotGood
    };
    let (message, remedy) = match ReasonCode::parse(&finding.reason) {
        Some(code) => (code.message(&finding.vars), code.remedy(&finding.vars)),
        None => (String::new(), String::new()),
    };
    let seen = |evidence: &Evidence| Seen {
        server: evidence.server.clone(),
        question: evidence.question.clone(),
        answer: evidence.answer.clone(),
    };
    Check {
        check,
        verdict,
        state: finding.state.clone(),
        reason: finding.reason.clone(),
        message,
        remedy,
        evidence: finding.evidence.iter().map(seen).collect(),
    }
}

/// What a visitor gets now. For information: whose answer it is, is known only with the nonce of a registration.
fn serves_now(look: &ProbeLook) -> Check {
    let finding = look.finding.clone().unwrap_or_default();
    let made = made("serves now", &finding, &["serving"]);
    let answered = look.https_status != 0;
    let silent = "no answer over HTTPS".to_owned();
    Check {
        verdict: Verdict::Information,
        state: if answered { format!("answers {}", look.https_status) } else { made.state },
        reason: if answered { String::new() } else { made.reason },
        message: match look.fingerprint_sha256.as_str() {
            "" => silent,
            seen => {
                format!("with certificate {seen} until {}", text::instant_us(look.not_after_ms.saturating_mul(1000)))
            }
        },
        remedy: String::new(),
        evidence: if answered { Vec::new() } else { made.evidence },
        check: made.check,
    }
}

/// Nobody said where the host should lead, so what DNS says is shown and not judged.
fn without_target(check: Check) -> Check {
    Check {
        verdict: Verdict::Information,
        state: "not judged".to_owned(),
        reason: String::new(),
        message: "give --tenant or --target to judge where the host leads".to_owned(),
        remedy: String::new(),
        ..check
    }
}

fn not_asked(check: &'static str, why: &str) -> Check {
    Check {
        check,
        verdict: Verdict::Information,
        state: "not asked".to_owned(),
        reason: String::new(),
        message: why.to_owned(),
        remedy: String::new(),
        evidence: Vec::new(),
    }
}

/// Anything not good decides; then anything that could not be told.
fn judge(checks: &[Check]) -> Exit {
    if checks.iter().any(|check| check.verdict == Verdict::NotGood) {
        Exit::No
    } else if checks.iter().any(|check| check.verdict == Verdict::CouldNotTell) {
        Exit::Unreachable
    } else {
        Exit::Ok
    }
}

fn shown(host: &str, checks: &[Check]) -> String {
    let mut out = format!("{host}\n");
    for check in checks {
        let mark = match check.verdict {
            Verdict::Good => "ok",
            Verdict::NotGood => "NO",
            Verdict::CouldNotTell => "??",
            Verdict::Information => "--",
        };
        let reason = if check.reason.is_empty() { String::new() } else { format!(" [{}]", check.reason) };
        out.push_str(&format!("  {mark}  {:<11} {}{reason}  {}\n", check.check, check.state, check.message));
        if check.verdict == Verdict::NotGood && !check.remedy.is_empty() {
            out.push_str(&format!("      remedy: {}\n", check.remedy));
        }
        for seen in &check.evidence {
            out.push_str(&format!("      {}  {} = {}\n", seen.server, seen.question, seen.answer));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(state: &str, reason: &str) -> Finding {
        Finding { axis: "dns".to_owned(), state: state.to_owned(), reason: reason.to_owned(), ..Finding::default() }
    }

    #[track_caller]
    fn check(findings: &[(&str, &str)], expected: Exit) {
        let checks: Vec<Check> =
            findings.iter().map(|(state, reason)| made("dns", &finding(state, reason), &["correct"])).collect();
        assert_eq!(judge(&checks), expected);
    }

    #[test]
    fn the_code_has_three_answers() {
        check(&[("correct", "")], Exit::Ok);
        check(&[("correct", ""), ("absent", "DNS_NO_RECORDS")], Exit::No);
        check(&[("unknown", "DNS_LOOKUP_UNKNOWN")], Exit::Unreachable);
        check(&[("unknown", "DNS_LOOKUP_UNKNOWN"), ("elsewhere", "DNS_POINTS_ELSEWHERE")], Exit::No);
    }

    #[test]
    fn the_text_has_the_remedy_of_what_is_not_good() {
        let checks = [
            made("dns", &finding("absent", "DNS_NO_RECORDS"), &["correct"]),
            not_asked("edge", "no kubeconfig is set"),
        ];
        let text = shown("a.test", &checks);
        assert!(
            text.contains("  NO  dns         absent [DNS_NO_RECORDS]  No record for … yet.\n      remedy: Add ….\n"),
            "{text}"
        );
        assert!(text.ends_with("  --  edge        not asked  no kubeconfig is set\n"), "{text}");
    }
}
