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
    /// The first variable that is missing or does not parse.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let text = |name: &str| var(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let or = |name: &str, default: &str| text(name).unwrap_or_else(|| default.to_owned());
        let label = |name: &'static str, default: &str| match or(name, default) {
            v if is_label(&v) => Ok(v),
            _ => Err(SettingError { variable: name, rule: "must be an RFC 1123 label" }),
        };
        let vs_namespace = label("PORTAL_DOMAIN_VS_NAMESPACE", "msp")?;
        let challenge_on = text("PORTAL_DOMAIN_CHALLENGE_ENABLED").is_none_or(|v| v.eq_ignore_ascii_case("true"));
        Ok(Self {
            cert_namespace: label("PORTAL_DOMAIN_CERT_NAMESPACE", "msp")?,
            issuer: IssuerRef {
                name: or("PORTAL_DOMAIN_CERT_ISSUER", "letsencrypt-http01"),
                kind: or("PORTAL_DOMAIN_CERT_ISSUER_KIND", "ClusterIssuer"),
                group: or("PORTAL_DOMAIN_CERT_ISSUER_GROUP", "cert-manager.io"),
            },
            gateway_namespace: label("PORTAL_DOMAIN_GATEWAY_NAMESPACE", "istio-system")?,
            gateway_selector: selector(&or("PORTAL_DOMAIN_GATEWAY_SELECTOR", r#"{"istio":"ingressgateway"}"#))?,
            gateway_http_port: port("PORTAL_DOMAIN_GATEWAY_HTTP_PORT", &text, 80)?,
            gateway_https_port: port("PORTAL_DOMAIN_GATEWAY_HTTPS_PORT", &text, 443)?,
            service_host: text("PORTAL_DOMAIN_SERVICE_HOST")
                .ok_or(SettingError { variable: "PORTAL_DOMAIN_SERVICE_HOST", rule: "is required" })?,
            service_port: port("PORTAL_DOMAIN_SERVICE_PORT", &text, 3000)?,
            challenge_host: text("PORTAL_DOMAIN_CHALLENGE_HOST").filter(|_| challenge_on),
            challenge_port: port("PORTAL_DOMAIN_CHALLENGE_PORT", &text, 8089)?,
            base_virtual_service: text("PORTAL_DOMAIN_BASE_VIRTUAL_SERVICE").map(|v| match v.split_once('/') {
                Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
                None => (vs_namespace.clone(), v),
            }),
            vs_namespace,
        })
    }
}

fn selector(json: &str) -> Result<BTreeMap<String, String>, SettingError> {
    let error = SettingError { variable: "PORTAL_DOMAIN_GATEWAY_SELECTOR", rule: "must be a JSON object of strings" };
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(json) else { return Err(error) };
    let pairs: Option<BTreeMap<_, _>> =
        object.into_iter().map(|(k, v)| v.as_str().map(|v| (k, v.to_owned()))).collect();
    // An empty selector would select every workload of the mesh.
    pairs.filter(|p| !p.is_empty()).ok_or(error)
}

fn port(name: &'static str, text: &impl Fn(&str) -> Option<String>, default: u16) -> Result<u16, SettingError> {
    let Some(value) = text(name) else { return Ok(default) };
    value.parse().ok().filter(|p| *p > 0).ok_or(SettingError { variable: name, rule: "must be a port, 1 to 65535" })
}

fn is_label(value: &str) -> bool {
    (1..=63).contains(&value.len())
        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<EdgeSettings, SettingError> {
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
        let error = read(&[("PORTAL_DOMAIN_SERVICE_HOST", "a"), (variable, value)]).unwrap_err();
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
        assert_eq!(read(&[]).unwrap_err().variable, "PORTAL_DOMAIN_SERVICE_HOST");
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
