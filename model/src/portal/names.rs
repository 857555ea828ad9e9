//! Names and labels of the objects of one domain (portal-domain contract, sections 7 and R41).

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Label that marks an object of a portal domain; its value is `true`.
pub const LABEL_MANAGED: &str = "portal.alga-psa.com/managed";
/// Label with the tenant's id.
pub const LABEL_TENANT: &str = "portal.alga-psa.com/tenant";
/// Label with the id of the row.
pub const LABEL_DOMAIN_ID: &str = "portal.alga-psa.com/domain-id";
/// Label with the host, cut to the length of a label value.
pub const LABEL_DOMAIN_HOST: &str = "portal.alga-psa.com/domain-host";
/// Label of a Secret copy: name of its source.
pub const LABEL_ORIGIN_NAME: &str = "portal.alga-psa.com/origin-secret-name";
/// Label of a Secret copy: namespace of its source.
pub const LABEL_ORIGIN_NAMESPACE: &str = "portal.alga-psa.com/origin-secret-namespace";
/// Annotation of a Secret copy: resource version of its source at the time of the copy.
pub const ANNOTATION_ORIGIN_VERSION: &str = "portal.alga-psa.com/origin-resource-version";
/// Annotation with the full host, A-labels.
pub const ANNOTATION_HOST: &str = "portal.alga-psa.com/host";
/// Annotation with the generation of the claim that wrote the object.
pub const ANNOTATION_GENERATION: &str = "portal.alga-psa.com/generation";
/// Annotation with the fencing token of the writer; a lower one is refused.
pub const ANNOTATION_FENCE: &str = "portal.alga-psa.com/fence";
/// Annotation that the earlier worker's client left; on a Secret copy it contains the key.
pub const ANNOTATION_LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "tenantry";
/// Name of the fleet's shared port-80 Gateway and VirtualService (`deploy/base/edge-http.yaml`).
pub const SHARED_HTTP_NAME: &str = "portal-domain-http";

/// Longest slug, in characters: `portal-domain-gw-` and a slug fit a DNS label.
pub const SLUG_MAX: usize = 46;
/// Longest object name and label value, in characters (RFC 1123 label; Kubernetes label value).
pub const LABEL_MAX: usize = 63;

/// Makes the slug of a row id: lower case, `[a-z0-9-]`, single dashes, none at the edges, at most 46 characters.
///
/// For a UUID it is the UUID. Empty only when the id has no letter and no digit.
pub fn slug(id: &str) -> String {
    cut_and_trim(&collapse(id, |c| c.is_ascii_lowercase() || c.is_ascii_digit()), SLUG_MAX)
}

/// The slug of a generation whose objects stand beside those of a serving one.
///
/// Appends `-g<generation>`; a result over [`SLUG_MAX`] keeps the suffix and has its head shortened with a hash (R41).
pub fn slug_beside(slug: &str, generation: u64) -> String {
    let suffix = format!("-g{generation}");
    if slug.len() + suffix.len() <= SLUG_MAX {
        return format!("{slug}{suffix}");
    }
    let hash = &HEXLOWER.encode(&Sha256::digest(slug))[..8];
    let head = cut_and_trim(slug, SLUG_MAX - suffix.len() - hash.len() - 1);
    format!("{head}-{hash}{suffix}")
}

/// Turns any text into a valid label value: lower case, `[a-z0-9.-]`, single dashes, cut at 63 first and trimmed after.
/// `fallback` stands in when nothing is left.
pub fn label_value(raw: &str, fallback: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
    let cut: String = collapse(raw, allowed).chars().take(LABEL_MAX).collect();
    match cut.trim_matches(['-', '.']) {
        "" => fallback.to_owned(),
        value => value.to_owned(),
    }
}

fn collapse(raw: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars().flat_map(char::to_lowercase) {
        match allowed(c) {
            true => out.push(c),
            false if out.ends_with('-') => {}
            false => out.push('-'),
        }
    }
    out.trim_matches('-').to_owned()
}

/// Every character is ASCII here, so a byte index is a character index.
fn cut_and_trim(text: &str, max: usize) -> String {
    text[..text.len().min(max)].trim_matches('-').to_owned()
}

/// Names of the objects of one generation of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectNames {
    /// cert-manager Certificate.
    pub certificate: String,
    /// Secret of the certificate, and its copy in the gateway's namespace.
    pub secret: String,
    /// Istio Gateway.
    pub gateway: String,
    /// Istio VirtualService.
    pub virtual_service: String,
    /// Name of the Gateway's port; Istio wants distinct ones among HTTPS servers of a workload.
    pub port: String,
}

impl ObjectNames {
    /// The names that belong to a slug.
    pub fn of(slug: &str) -> Self {
        Self {
            certificate: format!("portal-domain-{slug}"),
            secret: format!("portal-domain-{slug}"),
            gateway: format!("portal-domain-gw-{slug}"),
            virtual_service: format!("portal-domain-vs-{slug}"),
            port: format!("https-{slug}"),
        }
    }
}

/// Everything of a claim that goes into its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainIdentity {
    /// Tenant, a UUID.
    pub tenant_id: String,
    /// Row id, a UUID.
    pub portal_domain_id: String,
    /// Ids of earlier rows of this tenant whose objects the inventory lists: a row that was deleted and made again has a
    /// new id, and what was made for the old one is taken over.
    pub former_ids: Vec<String>,
    /// Host, A-labels, lower case, no trailing dot.
    pub host: String,
    /// Generation of the claim.
    pub generation: u64,
    /// Fencing token of the writer.
    pub fence: u64,
    /// Value of the response header `portal-probe`.
    pub probe_nonce: String,
    /// Slug as adopted or with a generation's suffix; empty for the one made from the id.
    pub slug: String,
}

impl DomainIdentity {
    /// The slug in force.
    pub fn slug(&self) -> String {
        match self.slug.is_empty() {
            true => slug(&self.portal_domain_id),
            false => self.slug.clone(),
        }
    }

    /// Names of the objects.
    pub fn names(&self) -> ObjectNames {
        ObjectNames::of(&self.slug())
    }

    /// The four labels of every object.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (LABEL_MANAGED.to_owned(), "true".to_owned()),
            (LABEL_TENANT.to_owned(), label_value(&self.tenant_id, "tenant")),
            (LABEL_DOMAIN_ID.to_owned(), label_value(&self.portal_domain_id, "domain")),
            (LABEL_DOMAIN_HOST.to_owned(), label_value(&self.host, "host")),
        ])
    }

    /// Whether an object with these label values belongs to this domain, under its id or a former one.
    pub fn owns(&self, domain_id: &str, tenant: &str) -> bool {
        let mut ids = std::iter::once(&self.portal_domain_id).chain(&self.former_ids);
        tenant == label_value(&self.tenant_id, "tenant") && ids.any(|id| domain_id == label_value(id, "domain"))
    }

    /// The same for a question: before there is a row, every object of the tenant counts as its own.
    pub fn owns_for_preflight(&self, domain_id: &str, tenant: &str) -> bool {
        let asks = self.portal_domain_id.is_empty() && !self.tenant_id.is_empty();
        (asks && tenant == label_value(&self.tenant_id, "tenant")) || self.owns(domain_id, tenant)
    }

    /// The three annotations of every object.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (ANNOTATION_HOST.to_owned(), self.host.clone()),
            (ANNOTATION_GENERATION.to_owned(), self.generation.to_string()),
            (ANNOTATION_FENCE.to_owned(), self.fence.to_string()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_slug(id: &str, expected: &str) {
        assert_eq!(slug(id), expected, "{id:?}");
    }

    #[test]
    fn a_slug_is_the_uuid_or_its_cleaned_form() {
        check_slug("7F3C1D2E-0000-4000-8000-00000000abcd", "7f3c1d2e-0000-4000-8000-00000000abcd");
        check_slug("abc1234", "abc1234");
        check_slug("--A__b..c--", "a-b-c");
        check_slug("äöü", "");
        check_slug(&"a".repeat(60), &"a".repeat(46));
        check_slug(&format!("{}-bbb", "a".repeat(45)), &"a".repeat(45));
    }

    #[track_caller]
    fn check_label(raw: &str, expected: &str) {
        assert_eq!(label_value(raw, "host"), expected, "{raw:?}");
    }

    #[test]
    fn a_label_value_is_cut_first_and_trimmed_after() {
        check_label("Portal.Example.COM", "portal.example.com");
        check_label("..a_b..", "a-b");
        check_label("", "host");
        check_label("-.-", "host");
        check_label(&format!("{}.rest", "a".repeat(62)), &"a".repeat(62));
    }

    #[test]
    fn a_second_set_of_names_carries_its_generation() {
        let names = ObjectNames::of(&slug_beside("7f3c1d2e-0000-4000-8000-00000000abcd", 2));
        assert_eq!(names.certificate, "portal-domain-7f3c1d2e-0000-4000-8000-00000000abcd-g2");
        assert_eq!(names.gateway, "portal-domain-gw-7f3c1d2e-0000-4000-8000-00000000abcd-g2");
        assert_eq!(names.virtual_service, "portal-domain-vs-7f3c1d2e-0000-4000-8000-00000000abcd-g2");
        assert_ne!(slug_beside(&format!("{}x", "a".repeat(45)), 2), slug_beside(&format!("{}y", "a".repeat(45)), 2));
    }

    fn is_label(value: &str) -> bool {
        value.len() <= LABEL_MAX
            && value.starts_with(|c: char| c.is_ascii_alphanumeric())
            && value.ends_with(|c: char| c.is_ascii_alphanumeric())
            && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
    }

    proptest! {
        #[test]
        fn every_label_value_is_valid(raw in "\\PC{0,120}") {
            prop_assert!(is_label(&label_value(&raw, "host")));
            prop_assert_eq!(label_value(&label_value(&raw, "host"), "host"), label_value(&raw, "host"));
        }

        #[test]
        fn every_name_is_a_dns_label(raw in "[A-Za-z0-9_.\\-]{1,80}", generation in 2_u64..u64::MAX) {
            let slug = slug(&raw);
            prop_assume!(!slug.is_empty());
            for slug in [slug.clone(), slug_beside(&slug, generation)] {
                let names = ObjectNames::of(&slug);
                for name in [&names.certificate, &names.gateway, &names.virtual_service] {
                    prop_assert!(is_label(name) && !name.contains('.'), "{}", name);
                }
            }
        }
    }
}
