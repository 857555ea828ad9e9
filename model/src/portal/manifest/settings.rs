//! Settings of the edge (portal-domain contract, section 8), parsed strictly: a bad value names its variable.

use std::collections::BTreeMap;
use std::fmt;

/// Which issuer signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRef {
    /// `PORTAL_DOMAIN_CERT_ISSUER`.
    pub name: String,
    /// `PORTAL_DOMAIN_CERT_ISSUER_KIND`.
    pub kind: String,
    /// `PORTAL_DOMAIN_CERT_ISSUER_GROUP`.
    pub group: String,
}

/// Where the objects of a domain live, and what they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeSettings {
    /// `PORTAL_DOMAIN_CERT_NAMESPACE`.
    pub cert_namespace: String,
    /// The issuer of new Certificates.
    pub issuer: IssuerRef,
    /// `PORTAL_DOMAIN_GATEWAY_NAMESPACE`.
    pub gateway_namespace: String,
    /// `PORTAL_DOMAIN_GATEWAY_SELECTOR`: labels of the gateway workload.
    pub gateway_selector: BTreeMap<String, String>,
    /// `PORTAL_DOMAIN_GATEWAY_HTTP_PORT`: the Gateway's own number, not the port seen from outside.
    pub gateway_http_port: u16,
    /// `PORTAL_DOMAIN_GATEWAY_HTTPS_PORT`.
    pub gateway_https_port: u16,
    /// `PORTAL_DOMAIN_VS_NAMESPACE`.
    pub vs_namespace: String,
    /// `PORTAL_DOMAIN_SERVICE_HOST`.
    pub service_host: String,
    /// `PORTAL_DOMAIN_SERVICE_PORT`.
    pub service_port: u16,
    /// `PORTAL_DOMAIN_CHALLENGE_HOST`, when the challenge service is ours (`PORTAL_DOMAIN_CHALLENGE_ENABLED`).
    pub challenge_host: Option<String>,
    /// `PORTAL_DOMAIN_CHALLENGE_PORT`.
    pub challenge_port: u16,
    /// `PORTAL_DOMAIN_BASE_VIRTUAL_SERVICE` as namespace and name.
    pub base_virtual_service: Option<(String, String)>,
}

/// A variable that holds no usable value. The value itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The variable.
    pub variable: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.rule)
    }
}

impl std::error::Error for SettingError {}

impl EdgeSettings {
    /// Reads the settings through `var`; an absent and an empty variable are the same.
    ///
    /// # Errors
    /// Every variable that is missing or does not parse.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<SettingError>> {
        let mut problems = Vec::new();
        let settings = Self::read(var, |problem| problems.push(problem));
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// The same, telling problems one by one, so that they join those of other settings. What could not be read has its
    /// default, and must not be used when there was a problem.
    pub fn read(var: impl Fn(&str) -> Option<String>, problem: impl FnMut(SettingError)) -> Self {
        let mut vars = Vars { var, problem };
        let vs_namespace = vars.checked("PORTAL_DOMAIN_VS_NAMESPACE", "msp", LABEL);
        let challenge = vars.challenge();
        Self {
            cert_namespace: vars.checked("PORTAL_DOMAIN_CERT_NAMESPACE", "msp", LABEL),
            issuer: IssuerRef {
                name: vars.checked("PORTAL_DOMAIN_CERT_ISSUER", "letsencrypt-http01", NAME),
                kind: vars.checked("PORTAL_DOMAIN_CERT_ISSUER_KIND", "ClusterIssuer", KIND),
                group: vars.checked("PORTAL_DOMAIN_CERT_ISSUER_GROUP", "cert-manager.io", NAME),
            },
            gateway_namespace: vars.checked("PORTAL_DOMAIN_GATEWAY_NAMESPACE", "istio-system", LABEL),
            gateway_selector: vars.selector(),
            gateway_http_port: vars.port("PORTAL_DOMAIN_GATEWAY_HTTP_PORT", 80),
            gateway_https_port: vars.port("PORTAL_DOMAIN_GATEWAY_HTTPS_PORT", 443),
            service_host: vars.service_host(),
            service_port: vars.port("PORTAL_DOMAIN_SERVICE_PORT", 3000),
            challenge_host: challenge,
            challenge_port: vars.port("PORTAL_DOMAIN_CHALLENGE_PORT", 8089),
            base_virtual_service: vars.text("PORTAL_DOMAIN_BASE_VIRTUAL_SERVICE").map(|v| match v.split_once('/') {
                Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
                None => (vs_namespace.clone(), v),
            }),
            vs_namespace,
        }
    }
}

/// A rule of a text: the test, and its words.
type Rule = (fn(&str) -> bool, &'static str);

const LABEL: Rule = (is_label, "must be an RFC 1123 label");
const NAME: Rule = (is_subdomain, "must be a Kubernetes name");
const HOST: Rule = (is_host, "must be a host name");
const KIND: Rule = (is_kind, "must be the kind of an issuer");

struct Vars<V, P> {
    var: V,
    problem: P,
}

impl<V: Fn(&str) -> Option<String>, P: FnMut(SettingError)> Vars<V, P> {
    fn text(&self, name: &str) -> Option<String> {
        (self.var)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn broken(&mut self, variable: &'static str, rule: &'static str) {
        (self.problem)(SettingError { variable, rule });
    }

    fn checked(&mut self, variable: &'static str, default: &str, (holds, rule): Rule) -> String {
        match self.text(variable) {
            Some(text) if holds(&text) => return text,
            Some(_) => self.broken(variable, rule),
            None => {}
        }
        default.to_owned()
    }

    fn service_host(&mut self) -> String {
        let variable = "PORTAL_DOMAIN_SERVICE_HOST";
        if self.text(variable).is_none() {
            self.broken(variable, "is required");
        }
        self.checked(variable, "", HOST)
    }

    /// On if the host is set; `PORTAL_DOMAIN_CHALLENGE_ENABLED` other than `true` (any case) turns it off.
    fn challenge(&mut self) -> Option<String> {
        let variable = "PORTAL_DOMAIN_CHALLENGE_HOST";
        let host = self.text(variable);
        let enabled = match self.text("PORTAL_DOMAIN_CHALLENGE_ENABLED") {
            Some(text) => text.eq_ignore_ascii_case("true"),
            None => host.is_some(),
        };
        if enabled && host.is_none() {
            self.broken(variable, "is required when the challenge service is enabled");
        }
        host.filter(|_| enabled).map(|_| self.checked(variable, "", HOST))
    }

    fn selector(&mut self) -> BTreeMap<String, String> {
        let variable = "PORTAL_DOMAIN_GATEWAY_SELECTOR";
        let Some(json) = self.text(variable) else {
            return BTreeMap::from([("istio".to_owned(), "ingressgateway".to_owned())]);
        };
        // An empty selector would select every workload of the mesh.
        let pairs = serde_json::from_str::<BTreeMap<String, String>>(&json).ok().filter(|pairs| !pairs.is_empty());
        pairs.unwrap_or_else(|| {
            self.broken(variable, "must be a JSON object of strings, not empty");
            BTreeMap::new()
        })
    }

    fn port(&mut self, variable: &'static str, default: u16) -> u16 {
        let Some(text) = self.text(variable) else { return default };
        text.parse().ok().filter(|port| *port > 0).unwrap_or_else(|| {
            self.broken(variable, "must be a port, 1 to 65535");
            default
        })
    }
}

/// A label of RFC 1123, as Kubernetes wants namespaces: 1 to 63 of `[a-z0-9-]`, no dash at an end.
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A subdomain of RFC 1123, as Kubernetes wants most names: labels joined by dots, at most 253 characters.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// The same in any case: host names compare without it.
pub fn is_host(text: &str) -> bool {
    is_subdomain(&text.to_ascii_lowercase())
}

fn is_kind(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<EdgeSettings, Vec<SettingError>> {
        let vars: BTreeMap<_, _> = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        EdgeSettings::from_vars(|name| vars.get(name).cloned())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let s = read(&[("PORTAL_DOMAIN_SERVICE_HOST", "app.msp.svc")]).unwrap();
        assert_eq!((s.cert_namespace.as_str(), s.gateway_namespace.as_str()), ("msp", "istio-system"));
        assert_eq!((s.service_port, s.challenge_port, s.gateway_https_port), (3000, 8089, 443));
        assert_eq!(s.gateway_selector, BTreeMap::from([("istio".to_owned(), "ingressgateway".to_owned())]));
        assert_eq!((s.challenge_host, s.base_virtual_service), (None, None));
    }

    #[test]
    fn a_base_virtual_service_without_namespace_lies_with_the_routes() {
        let base = |value| {
            read(&[("PORTAL_DOMAIN_SERVICE_HOST", "a"), ("PORTAL_DOMAIN_BASE_VIRTUAL_SERVICE", value)])
                .unwrap()
                .base_virtual_service
        };
        assert_eq!(base("alga-psa-vs"), Some(("msp".to_owned(), "alga-psa-vs".to_owned())));
        assert_eq!(base("web/alga-psa-vs"), Some(("web".to_owned(), "alga-psa-vs".to_owned())));
        assert_eq!(base(" "), None);
    }

    #[track_caller]
    fn check_refused(variable: &'static str, value: &str) {
        let errors = read(&[("PORTAL_DOMAIN_SERVICE_HOST", "a"), (variable, value)]).unwrap_err();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert_eq!(error.variable, variable);
        assert!(!error.to_string().contains(value), "the value is not repeated");
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        check_refused("PORTAL_DOMAIN_SERVICE_PORT", "70000");
        check_refused("PORTAL_DOMAIN_GATEWAY_HTTPS_PORT", "https!");
        check_refused("PORTAL_DOMAIN_GATEWAY_SELECTOR", "{}");
        check_refused("PORTAL_DOMAIN_GATEWAY_SELECTOR", r#"{"a":1}"#);
        check_refused("PORTAL_DOMAIN_CERT_NAMESPACE", "Not A Namespace");
        check_refused("PORTAL_DOMAIN_CERT_ISSUER", "Not.A_Name");
        check_refused("PORTAL_DOMAIN_CERT_ISSUER_KIND", "Cluster-Issuer");
        check_refused("PORTAL_DOMAIN_CHALLENGE_HOST", "no host");
    }

    #[test]
    fn every_problem_is_told() {
        let vars = [("PORTAL_DOMAIN_SERVICE_PORT", "0"), ("PORTAL_DOMAIN_CHALLENGE_ENABLED", "true")];
        let told: Vec<_> = read(&vars).unwrap_err().iter().map(|e| e.variable).collect();
        assert_eq!(told, ["PORTAL_DOMAIN_CHALLENGE_HOST", "PORTAL_DOMAIN_SERVICE_HOST", "PORTAL_DOMAIN_SERVICE_PORT"],);
    }

    #[test]
    fn labels_and_names_are_those_of_rfc_1123() {
        for (text, label, subdomain, host) in [
            ("a", true, true, true),
            ("a-1", true, true, true),
            ("a.b", false, true, true),
            ("A.b", false, false, true),
            ("", false, false, false),
            ("-a", false, false, false),
            ("a..b", false, false, false),
            ("a_b", false, false, false),
            ("ä", false, false, false),
        ] {
            assert_eq!((is_label(text), is_subdomain(text), is_host(text)), (label, subdomain, host), "{text:?}");
        }
        let longest = "a".repeat(63);
        assert!(is_label(&longest) && !is_label(&format!("{longest}a")));
        assert!(!is_host(&[longest.as_str(); 4].join(".")));
    }

    #[test]
    fn the_challenge_service_is_on_when_its_host_is_set() {
        let host = |enabled| {
            read(&[
                ("PORTAL_DOMAIN_SERVICE_HOST", "a"),
                ("PORTAL_DOMAIN_CHALLENGE_HOST", "portal-domain-challenge.msp.svc.cluster.local"),
                ("PORTAL_DOMAIN_CHALLENGE_ENABLED", enabled),
            ])
            .unwrap()
            .challenge_host
        };
        assert!(host("").is_some() && host("TRUE").is_some());
        assert!(host("off").is_none() && host("false").is_none());
    }
}
