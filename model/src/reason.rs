//! The catalogue of reason codes: why something is not good, who must act, and whether we look again.
//!
//! A code is never renamed and never reused. Each has a page `docs/reasons/<CODE>.md`, generated from this table by
//! `cargo run -p tenantry -- reasons --write docs/reasons`, and a fixture that yields exactly this code.

use std::collections::BTreeMap;
use std::fmt;

/// The five axes of a domain's health, most upstream first: the first that is not good decides what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// May this host be used here at all?
    Policy,
    /// Does the tenant control the host?
    Ownership,
    /// Does the host lead to us?
    Dns,
    /// Is there a valid certificate?
    Certificate,
    /// Does the host answer from outside with our certificate and our tenant?
    Edge,
}

impl Axis {
    /// Every axis, most upstream first.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Ownership, Self::Dns, Self::Certificate, Self::Edge];

    /// The word used on the wire, in metrics and in the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Ownership => "ownership",
            Self::Dns => "dns",
            Self::Certificate => "certificate",
            Self::Edge => "edge",
        }
    }
}

/// Who must act before the state can become good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The tenant, at its DNS provider or in its settings.
    Tenant,
    /// The operator of the tenant's name servers.
    DnsHost,
    /// The certificate authority.
    Authority,
    /// We.
    Platform,
    /// Nobody: time passes, or there is nothing to do.
    Nobody,
}

impl Actor {
    /// The word used on the wire and in the row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::DnsHost => "dns_host",
            Self::Authority => "ca",
            Self::Platform => "platform",
            Self::Nobody => "none",
        }
    }
}

/// What happens next without anybody's help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryClass {
    /// Looked at again on the schedule (A).
    Automatic,
    /// Waits for a known instant (W).
    WaitUntil,
    /// Waits for the tenant; polling goes on and "check now" works (T).
    Tenant,
    /// Waits for an operator (O).
    Operator,
    /// Final until the spec changes (X).
    Final,
    /// Information only (i).
    Information,
}

impl RetryClass {
    /// The letter of the contract's tables.
    pub const fn letter(self) -> char {
        match self {
            Self::Automatic => 'A',
            Self::WaitUntil => 'W',
            Self::Tenant => 'T',
            Self::Operator => 'O',
            Self::Final => 'X',
            Self::Information => 'i',
        }
    }
}

/// One row of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasonEntry {
    /// Axis on which the code appears.
    pub axis: Axis,
    /// What happens next.
    pub retry: RetryClass,
    /// Who must act, where the finding does not say otherwise.
    pub actor: Actor,
    /// When the code is given.
    pub detected: &'static str,
    /// Sentence for the tenant; placeholders in braces.
    pub message: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! catalogue {
    ($($name:ident $code:literal $axis:ident $retry:ident $actor:ident {
        detected: $detected:literal, message: $message:literal, remedy: $remedy:literal $(,)?
    })+) => {
        /// Why a step was withheld, refused or failed. Alphabetical within its axis.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $(#[doc = $detected] $name,)+
        }

        impl ReasonCode {
            /// Every code of this build.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable identifier.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The catalogue's row of this code.
            pub const fn entry(self) -> ReasonEntry {
                match self {
                    $(Self::$name => ReasonEntry {
                        axis: Axis::$axis, retry: RetryClass::$retry, actor: Actor::$actor,
                        detected: $detected, message: $message, remedy: $remedy,
                    },)+
                }
            }
        }
    };
}

catalogue! {
    HostIdnNotNormal "HOST_IDN_NOT_NORMAL" Policy Final Tenant {
        detected: "UTS-46 processing fails, or the A-label does not round-trip.",
        message: "This name has characters that browsers do not accept.",
        remedy: "Use {a_label}.",
    }
    HostInvalid "HOST_INVALID" Policy Final Tenant {
        detected: "A rule of host-name syntax fails: label (63), length (253), letters-digits-hyphens, two labels, address or wildcard.",
        message: "{h} is not a valid host name ({rule}).",
        remedy: "Correct the spelling.",
    }
    HostPolicyBlocked "HOST_POLICY_BLOCKED" Policy Operator Platform {
        detected: "The certificate authority answers `rejectedIdentifier`, or an operator put the name on a list.",
        message: "This name cannot be used here.",
        remedy: "Contact support to have the decision reviewed.",
    }
    HostPublicSuffix "HOST_PUBLIC_SUFFIX" Policy Final Tenant {
        detected: "The host equals a rule of the Public Suffix List.",
        message: "{h} is a public suffix, not a domain one can own.",
        remedy: "Use a name below it.",
    }
    HostReserved "HOST_RESERVED" Policy Final Tenant {
        detected: "The host lies in a zone of the platform, is a canonical host, or is a special-use name (RFC 6761).",
        message: "{h} is reserved.",
        remedy: "Choose another name.",
    }

    ClaimContended "CLAIM_CONTENDED" Ownership Tenant Tenant {
        detected: "Another account holds the host, proven or not.",
        message: "This domain is in use in another account. Prove ownership to move it.",
        remedy: "Publish the TXT record {name} with the value {value}.",
    }
    ClaimExpired "CLAIM_EXPIRED" Ownership Tenant Tenant {
        detected: "No proof of ownership within 14 days; from then on DNS is looked at once a day, and 30 days later the row goes.",
        message: "We stopped checking on {t}. Your settings are kept until {u}.",
        remedy: "Press Retry.",
    }
    OwnershipTxtDoubled "OWNERSHIP_TXT_DOUBLED" Ownership Tenant Tenant {
        detected: "The proof record is found at {name}.{zone}.{zone}.",
        message: "Your DNS panel appended the zone twice.",
        remedy: "Enter only {relative_name} as the record's name.",
    }
    OwnershipTxtMismatch "OWNERSHIP_TXT_MISMATCH" Ownership Tenant Tenant {
        detected: "A TXT record exists at the proof name, and none equals the token.",
        message: "A record exists but has another value.",
        remedy: "Replace it with {value}; no quotes, no line breaks.",
    }
    OwnershipTxtMissing "OWNERSHIP_TXT_MISSING" Ownership Tenant Tenant {
        detected: "All authoritative servers answer NODATA or NXDOMAIN, and TXT is required.",
        message: "The ownership record is not there yet.",
        remedy: "Add the TXT record {name} with the value {value}, and keep it.",
    }

    DnsAaaaStale "DNS_AAAA_STALE" Dns Tenant Tenant {
        detected: "An AAAA record is not ours, or ours does not answer the probe.",
        message: "The IPv6 address {a} points elsewhere; certificate checks prefer IPv6.",
        remedy: "Delete the AAAA record or point it to us.",
    }
    DnsChainBad "DNS_CHAIN_BAD" Dns Tenant Tenant {
        detected: "The alias chain loops, has more than 8 hops, or has a hop without records.",
        message: "The alias chain breaks at {hop}.",
        remedy: "Point the host directly to {target}.",
    }
    DnsCnameConflict "DNS_CNAME_CONFLICT" Dns Tenant Tenant {
        detected: "A CNAME stands beside other data at one name (RFC 1034 section 3.6.2).",
        message: "A CNAME cannot share its name with {types}.",
        remedy: "Remove the other records.",
    }
    DnsConflictingRecords "DNS_CONFLICTING_RECORDS" Dns Tenant Tenant {
        detected: "Extra A or AAAA records stand beside ours.",
        message: "Remove {records}; visitors would reach two places.",
        remedy: "Remove the records that are not ours.",
    }
    DnsFlattened "DNS_FLATTENED" Dns Information Nobody {
        detected: "No CNAME is visible, the addresses equal ours, and the proof is good.",
        message: "Your provider flattens the alias; that works.",
        remedy: "Nothing. We check again when our addresses change.",
    }
    DnsLookupUnknown "DNS_LOOKUP_UNKNOWN" Dns Automatic Platform {
        detected: "Our own lookup path failed.",
        message: "We could not check just now; nothing is wrong on your side.",
        remedy: "Nothing for the tenant. Operators: check the worker's way to DNS after 15 minutes.",
    }
    DnsNegativeCache "DNS_NEGATIVE_CACHE" Dns WaitUntil Nobody {
        detected: "The authoritative answer is correct, the recursive one still negative.",
        message: "Your record is published; resolvers may remember its absence until about {t}.",
        remedy: "Wait.",
    }
    DnsNoRecords "DNS_NO_RECORDS" Dns Tenant Tenant {
        detected: "Authoritative NODATA or NXDOMAIN for CNAME, A and AAAA.",
        message: "No record for {h} yet.",
        remedy: "Add {record}.",
    }
    DnsNxdomainZone "DNS_NXDOMAIN_ZONE" Dns Tenant Tenant {
        detected: "No SOA at the registrable domain, or the registry holds it.",
        message: "{zone} does not exist or has expired.",
        remedy: "Renew the domain at the registrar.",
    }
    DnsPartial "DNS_PARTIAL" Dns Automatic Nobody {
        detected: "Some authoritative servers are old (serials differ), or a recursive view is old.",
        message: "{k} of {n} name servers show the new record.",
        remedy: "Wait; after a day ask the DNS host.",
    }
    DnsPointsElsewhere "DNS_POINTS_ELSEWHERE" Dns Tenant Tenant {
        detected: "The alias chain ends at addresses that are not ours.",
        message: "{h} points to {observed}.",
        remedy: "Replace it with {desired}.",
    }
    DnsReservedAddress "DNS_RESERVED_ADDRESS" Dns Tenant Tenant {
        detected: "A private, loopback, link-local or documentation address is published.",
        message: "{a} is not reachable from the Internet.",
        remedy: "Use {desired}.",
    }
    DnsServfail "DNS_SERVFAIL" Dns Automatic DnsHost {
        detected: "Every authoritative server times out, refuses or fails.",
        message: "Your name servers do not answer.",
        remedy: "Check the delegation of the zone.",
    }
    DnsWildcardOnly "DNS_WILDCARD_ONLY" Dns Tenant Tenant {
        detected: "A random sibling gives the same answer, and there is no explicit record or TXT proof.",
        message: "Only your wildcard points here; add {h} itself.",
        remedy: "Add an explicit record for the host.",
    }

    AcmeCaUnavailable "ACME_CA_UNAVAILABLE" Certificate Automatic Authority {
        detected: "The authority answers 5xx, or its directory cannot be reached.",
        message: "The certificate authority has an outage; your site is not affected.",
        remedy: "Wait; we try again by ourselves.",
    }
    AcmeOrderInvalid "ACME_ORDER_INVALID" Certificate Automatic Platform {
        detected: "The Order turned invalid, expired or errored for a problem type without a code of its own.",
        message: "The certificate authority refused the request ({problem}).",
        remedy: "See the problem type in `tenantry domain explain`; we try again at the time shown.",
    }
    AcmeRateLimited "ACME_RATE_LIMITED" Certificate WaitUntil Nobody {
        detected: "Problem type `rateLimited`.",
        message: "The certificate authority's limit is reached; next try {t}.",
        remedy: "Wait until the time shown.",
    }
    CaaForbids "CAA_FORBIDS" Certificate Tenant Tenant {
        detected: "The relevant CAA set does not name our authority; problem type `caa`.",
        message: "A CAA record at {name} does not allow our certificate authority.",
        remedy: "Add a CAA record that allows our authority, or remove the set.",
    }
    CertExpired "CERT_EXPIRED" Certificate Automatic Platform {
        detected: "Past notAfter, read from the wire.",
        message: "The certificate expired on {t}.",
        remedy: "Operators: highest priority; see the cause on the certificate axis.",
    }
    CertExpiring "CERT_EXPIRING" Certificate Automatic Platform {
        detected: "Less than a sixth of the certificate's life is left.",
        message: "The certificate expires on {t}.",
        remedy: "Operators: find out why the renewal did not happen.",
    }
    CertIssuerNotReady "CERT_ISSUER_NOT_READY" Certificate Operator Platform {
        detected: "The issuer is missing, not Ready, or has no solver for the host, or the request was denied.",
        message: "Our certificate service is not ready; we were told.",
        remedy: "Operators: repair the issuer.",
    }
    CertRenewalFailing "CERT_RENEWAL_FAILING" Certificate Automatic Platform {
        detected: "A renewal failed at least twice while the current certificate is still good.",
        message: "Renewal fails: {cause}. The current certificate is good until {t}.",
        remedy: "By cause.",
    }
    CertStuck "CERT_STUCK" Certificate Operator Platform {
        detected: "No change of the order for 30 minutes.",
        message: "This takes longer than usual; we were told.",
        remedy: "Operators: read the Order and Challenge named by `tenantry domain explain`.",
    }
    ClusterReadUnknown "CLUSTER_READ_UNKNOWN" Certificate Automatic Platform {
        detected: "The cluster could not be read.",
        message: "We could not check just now; nothing is wrong on your side.",
        remedy: "Operators: check the API server and the worker's rights.",
    }
    Http01RedirectBad "HTTP01_REDIRECT_BAD" Certificate Tenant Tenant {
        detected: "The challenge path is redirected more than 10 times, or to other than http on 80 or https on 443.",
        message: "The certificate check is redirected to {url}.",
        remedy: "Exempt /.well-known/acme-challenge/ from the redirect.",
    }
    Http01Unreachable "HTTP01_UNREACHABLE" Certificate Operator Platform {
        detected: "Port 80 refuses or times out, per published address.",
        message: "Port 80 of {a} does not answer.",
        remedy: "Operators: check the edge's plain-HTTP listener.",
    }
    Http01WrongContent "HTTP01_WRONG_CONTENT" Certificate Operator Platform {
        detected: "The challenge path gives another body or status.",
        message: "Another server answers the certificate check.",
        remedy: "Operators: check the challenge route and the challenge service.",
    }

    EdgeAppError "EDGE_APP_ERROR" Edge Operator Platform {
        detected: "TLS is good; the application answers 5xx, or the nonce is another tenant's.",
        message: "Connected, but the portal answers {code}.",
        remedy: "Operators: check the host mapping and the application.",
    }
    EdgeConflictHost "EDGE_CONFLICT_HOST" Edge Operator Platform {
        detected: "Another Gateway, listener or route claims the host and port.",
        message: "Another configuration uses this name.",
        remedy: "Operators: remove the claim named in `tenantry domain explain`.",
    }
    EdgePropagating "EDGE_PROPAGATING" Edge Automatic Nobody {
        detected: "The objects are accepted, and the probe still sees the old state, for less than 60 s.",
        message: "Almost there.",
        remedy: "Wait.",
    }
    EdgeRejected "EDGE_REJECTED" Edge Operator Platform {
        detected: "Denied by admission, validation or quota.",
        message: "Installation failed on our side.",
        remedy: "Operators: read the admission's answer in `tenantry domain explain`.",
    }
    EdgeUnguarded "EDGE_UNGUARDED" Edge Operator Platform {
        detected: "No validating webhook with failurePolicy Fail covers the Istio kinds.",
        message: "Installation waits for a check on our side.",
        remedy: "Operators: install istiod's validating webhook; without it one bad object can freeze the whole edge.",
    }
    EdgeUnreachable "EDGE_UNREACHABLE" Edge Automatic Platform {
        detected: "TCP, TLS or HTTP failure from the vantage point.",
        message: "Not reachable since {t}.",
        remedy: "Operators: compare the edge's listener with the DNS answer.",
    }
    EdgeWrongCert "EDGE_WRONG_CERT" Edge Automatic Platform {
        detected: "Another name, issuer or fingerprint than the newest certificate is served.",
        message: "Visitors get the wrong certificate.",
        remedy: "Operators: check the Secret copy, then the route.",
    }
    ProbeUnknown "PROBE_UNKNOWN" Edge Automatic Platform {
        detected: "The probe itself could not run.",
        message: "We could not check just now; nothing is wrong on your side.",
        remedy: "Operators: check the worker's way to the edge.",
    }
    RemovalBlocked "REMOVAL_BLOCKED" Edge Automatic Platform {
        detected: "A delete was refused, or is pending for more than 5 minutes.",
        message: "Removal in progress.",
        remedy: "Operators: {object} stands because of {holder}. A finalizer: find its controller, never strip it blindly. A refusal: restore the right, or repair the admission, that it names.",
    }
    SecretNotMirrored "SECRET_NOT_MIRRORED" Edge Automatic Platform {
        detected: "The Secret is missing in the gateway's namespace, or its fingerprint differs.",
        message: "Certificate ready, being installed.",
        remedy: "Nothing; we copy it again.",
    }
}

impl ReasonCode {
    /// Finds a code by its stable identifier. Readers show an identifier they do not know as it is.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.as_str() == code)
    }

    /// Axis on which the code appears.
    pub const fn axis(self) -> Axis {
        self.entry().axis
    }

    /// What happens next.
    pub const fn retry(self) -> RetryClass {
        self.entry().retry
    }

    /// Who must act.
    pub const fn actor(self) -> Actor {
        self.entry().actor
    }

    /// The sentence for the tenant, with its placeholders filled. At most 1,024 characters (the row's limit).
    pub fn message(self, vars: &BTreeMap<String, String>) -> String {
        fill(self.entry().message, vars)
    }

    /// The remedy, with its placeholders filled.
    pub fn remedy(self, vars: &BTreeMap<String, String>) -> String {
        fill(self.entry().remedy, vars)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest `status_message` that the row takes, in characters.
pub const MESSAGE_MAX_CHARS: usize = 1024;

/// Fills `{name}` placeholders. A placeholder without a value becomes an ellipsis: a sentence never shows braces.
/// Values come from outside (record data, URLs), so control characters are dropped and each value is cut at 255 characters.
pub fn fill(template: &str, vars: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        out.push_str(&rest[..open]);
        match vars.get(&rest[open + 1..open + close]) {
            Some(value) => out.extend(value.chars().filter(|c| !c.is_control()).take(255)),
            None => out.push('…'),
        }
        rest = &rest[open + close + 1..];
    }
    out.push_str(rest);
    out.chars().take(MESSAGE_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_complete_row() {
        for code in ReasonCode::ALL {
            let entry = code.entry();
            assert!(!entry.detected.is_empty() && !entry.remedy.is_empty(), "{code}");
            assert!(entry.message.ends_with('.'), "{code}: a message is a sentence");
            assert_eq!(ReasonCode::parse(code.as_str()), Some(*code));
        }
    }

    #[test]
    fn codes_are_unique_and_spelled_in_capitals() {
        let mut seen: Vec<_> = ReasonCode::ALL.iter().map(|c| c.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), ReasonCode::ALL.len());
        for code in seen {
            assert!(code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'), "{code}");
        }
    }

    #[test]
    fn a_missing_value_never_shows_braces() {
        let vars = BTreeMap::from([("h".to_owned(), "a\u{7}b.example".to_owned())]);
        assert_eq!(ReasonCode::HostInvalid.message(&vars), "ab.example is not a valid host name (…).");
    }
}
