//! Host names of tenants: their syntax, the rules that forbid some, and the names derived from them.

use crate::finding::Finding;
use crate::portal::axis::PolicyState;
use crate::portal::network::{NetworkPolicy, is_within, plain};
use crate::reason::ReasonCode;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::fmt;

/// Longest label in octets (RFC 1035 §2.3.4).
pub const LABEL_MAX: usize = 63;
/// Longest host name in characters, without the trailing dot (RFC 1035 §2.3.4: 255 octets on the wire).
pub const HOST_MAX: usize = 253;
/// Label under which ownership is proven.
pub const PROOF_LABEL: &str = "_portal-ownership";

/// Special-use names under which no public host exists: RFC 6761 with RFC 2606, RFC 6762 (local), RFC 7686 (onion),
/// RFC 9476 (alt), RFC 8375 (home.arpa, with the rest of arpa), and the top-level name that ICANN reserved for private
/// use in 2024 (internal).
const SPECIAL_USE: [&str; 12] = [
    "alt",
    "arpa",
    "example",
    "example.com",
    "example.net",
    "example.org",
    "internal",
    "invalid",
    "local",
    "localhost",
    "onion",
    "test",
];

/// The rule of host-name syntax that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRule {
    /// Nothing but white space.
    Blank,
    /// More than 253 characters.
    TooLong,
    /// Two dots in a row, or a dot at the start.
    EmptyLabel,
    /// A label of more than 63 characters.
    LabelTooLong,
    /// A character that is no letter, digit, hyphen or dot.
    Character,
    /// A label starts or ends with a hyphen (RFC 1123 §2.1).
    Hyphen,
    /// Fewer than two labels.
    OneLabel,
    /// An IP address, or a last label that readers of URLs take for a number.
    Address,
    /// A wildcard.
    Wildcard,
}

impl HostRule {
    /// The words for the tenant.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blank => "it is empty",
            Self::TooLong => "it has more than 253 characters",
            Self::EmptyLabel => "two dots in a row or a dot at the start",
            Self::LabelTooLong => "a part between dots has more than 63 characters",
            Self::Character => "only letters, digits, hyphens and dots",
            Self::Hyphen => "a part between dots starts or ends with a hyphen",
            Self::OneLabel => "it needs at least one dot",
            Self::Address => "it is an address",
            Self::Wildcard => "wildcards cannot be used",
        }
    }
}

/// Why a text is no [`Hostname`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostnameError {
    /// `HOST_INVALID`.
    Invalid(HostRule),
    /// `HOST_IDN_NOT_NORMAL`, with the form that would be accepted, where there is one.
    NotNormal {
        /// The accepted form in A-labels.
        a_label: Option<String>,
    },
}

impl HostnameError {
    /// The reason code.
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Invalid(_) => ReasonCode::HostInvalid,
            Self::NotNormal { .. } => ReasonCode::HostIdnNotNormal,
        }
    }
}

impl fmt::Display for HostnameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(rule) => write!(f, "not a host name: {}", rule.as_str()),
            Self::NotNormal { a_label: Some(a_label) } => write!(f, "not a normal international name; use {a_label}"),
            Self::NotNormal { a_label: None } => f.write_str("not a normal international name"),
        }
    }
}

impl std::error::Error for HostnameError {}

/// A host name in A-labels, lower case, without a trailing dot, of at least two labels.
///
/// Letters, digits and hyphens (RFC 1123 §2.1); international names by UTS 46, non-transitional.
///
/// ```
/// use model::portal::hostname::Hostname;
/// let host = Hostname::parse(" Portal.München.example. ").unwrap();
/// assert_eq!(host.as_str(), "portal.xn--mnchen-3ya.example");
/// assert_eq!(host.display_form(), "portal.münchen.example");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(String);

impl Hostname {
    /// Reads a host name. White space around it, case and one trailing dot do not matter.
    ///
    /// # Errors
    /// `HOST_INVALID` with the rule, or `HOST_IDN_NOT_NORMAL`.
    pub fn parse(input: &str) -> Result<Self, HostnameError> {
        let text = plain(input);
        if text.is_empty() {
            return Err(HostnameError::Invalid(HostRule::Blank));
        }
        let wildcard_or_address =
            if text.contains('*') { Some(HostRule::Wildcard) } else { is_address(&text).then_some(HostRule::Address) };
        if let Some(rule) = wildcard_or_address {
            return Err(HostnameError::Invalid(rule));
        }
        let ascii = if text.is_ascii() { text } else { to_a_labels(&text)? };
        check_syntax(&ascii).map_err(HostnameError::Invalid)?;
        check_a_labels(&ascii)?;
        Ok(Self(ascii))
    }

    /// The name in A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a browser would show it, in U-labels.
    pub fn display_form(&self) -> String {
        let (unicode, result) = Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
        if result.is_ok() { unicode.into_owned() } else { self.0.clone() }
    }

    /// The labels, first to last.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Tells whether the name equals a rule of the Public Suffix List (both of its sections).
    pub fn is_public_suffix(&self) -> bool {
        psl::suffix(self.0.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == self.0.as_bytes())
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a host is judged against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRules {
    /// The tenant's canonical host; its base is a zone of the platform.
    pub canonical_host: String,
    /// `PORTAL_DOMAIN_RESERVED_ZONES`.
    pub reserved_zones: Vec<String>,
    /// Special-use zones that a development network admits.
    pub network: NetworkPolicy,
}

/// Most of a name that is shown: a valid one has no more characters (RFC 1035 §2.3.4), and the server ends a run whose search
/// attribute is over 2,048 bytes (measured 2026-11-26).
pub const HOST_SHOWN_MAX: usize = 253;

fn shown(input: &str) -> String {
    plain(input).chars().take(HOST_SHOWN_MAX).collect()
}

/// Judges whether a host may be used here at all.
///
/// Total. Checks in this order: syntax (`HOST_INVALID`), international form (`HOST_IDN_NOT_NORMAL`), Public Suffix List
/// (`HOST_PUBLIC_SUFFIX`), zones of the platform and special-use names (`HOST_RESERVED`).
pub fn judge(input: &str, rules: &HostRules) -> Finding<PolicyState> {
    let blocked = |reason| Finding::bad(PolicyState::Blocked, reason).var("h", shown(input));
    let host = match Hostname::parse(input) {
        Ok(host) => host,
        Err(error) => {
            let finding = blocked(error.reason());
            return match error {
                HostnameError::Invalid(rule) => finding.var("rule", rule.as_str()),
                HostnameError::NotNormal { a_label } => {
                    finding.var("a_label", a_label.unwrap_or_else(|| "letters a to z, digits and hyphens".to_owned()))
                }
            };
        }
    };
    if host.is_public_suffix() {
        return blocked(ReasonCode::HostPublicSuffix);
    }
    let platform = platform_base(&rules.canonical_host);
    let reserved = platform.iter().chain(&rules.reserved_zones).any(|zone| is_within(host.as_str(), zone));
    let special = SPECIAL_USE.iter().any(|zone| is_within(host.as_str(), zone));
    if reserved || (special && !rules.network.admits_zone(host.as_str())) {
        return blocked(ReasonCode::HostReserved);
    }
    Finding::good(PolicyState::Allowed)
}

/// The zone of the platform that a canonical host lies in: `app.example.com` for `abcdef1.portal.app.example.com`.
///
/// The canonical host is `<prefix>.portal.<base>` (portal-domain contract, section 6). Without the label `portal` it is the
/// canonical host without its first label; `None` when nothing of at least two labels is left.
pub fn platform_base(canonical_host: &str) -> Option<String> {
    let host = plain(canonical_host);
    let (_, rest) = host.split_once('.')?;
    let base = rest.strip_prefix("portal.").filter(|base| base.contains('.')).unwrap_or(rest);
    base.contains('.').then(|| base.to_owned())
}

/// Owner name of the proof record of a host.
pub fn proof_name(host: &str) -> String {
    format!("{PROOF_LABEL}.{}", plain(host))
}

/// Value that the proof record must have.
pub fn proof_value(token: &str) -> String {
    format!("portal-ownership={token}")
}

/// The names that count as our target, each once, in this order: the target that the tenant was shown, its canonical host,
/// and the claim's own target. Empty ones are left out.
pub fn accepted_targets(expected_cname: &str, canonical_host: &str, own_target: &str) -> Vec<String> {
    let mut targets: Vec<String> = Vec::with_capacity(3);
    for target in [expected_cname, canonical_host, own_target].map(plain) {
        if !target.is_empty() && !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// An address literal, or a name whose last label is a number, which URL readers parse as IPv4 (WHATWG URL §3.5).
fn is_address(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or(text);
    let hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit());
    hex || number || text.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>().is_ok()
}

fn check_syntax(ascii: &str) -> Result<(), HostRule> {
    if ascii.len() > HOST_MAX {
        return Err(HostRule::TooLong);
    }
    if ascii.split('.').any(str::is_empty) {
        return Err(HostRule::EmptyLabel);
    }
    if !ascii.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') {
        return Err(HostRule::Character);
    }
    if ascii.split('.').any(|label| label.len() > LABEL_MAX) {
        return Err(HostRule::LabelTooLong);
    }
    if ascii.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        return Err(HostRule::Hyphen);
    }
    if is_address(ascii) {
        return Err(HostRule::Address);
    }
    if ascii.contains('.') { Ok(()) } else { Err(HostRule::OneLabel) }
}

fn to_a_labels(text: &str) -> Result<String, HostnameError> {
    Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map(|ascii| plain(&ascii))
        .map_err(|_| HostnameError::NotNormal { a_label: None })
}

/// Every A-label must be the one that its own Unicode form gives (RFC 5891 §5.4).
fn check_a_labels(ascii: &str) -> Result<(), HostnameError> {
    if !ascii.split('.').any(|label| label.starts_with("xn--")) {
        return Ok(());
    }
    let (_, decoded) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
    let again = decode_labels(ascii).and_then(|unicode| to_a_labels(&unicode).ok());
    let again = again.filter(|again| check_syntax(again).is_ok());
    match (decoded, again) {
        (Ok(()), Some(again)) if again == ascii => Ok(()),
        (_, again) => Err(HostnameError::NotNormal { a_label: again.filter(|again| again != ascii) }),
    }
}

/// The Unicode form of every label, without any check (RFC 3492); `None` where a label is no Punycode.
fn decode_labels(ascii: &str) -> Option<String> {
    let decode = |label: &str| match label.strip_prefix("xn--") {
        Some(encoded) => idna::punycode::decode_to_string(encoded),
        None => Some(label.to_owned()),
    };
    Some(ascii.split('.').map(decode).collect::<Option<Vec<_>>>()?.join("."))
}

#[cfg(test)]
mod tests;
