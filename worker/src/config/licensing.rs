//! Settings of licensing (licensing contract, sections 5, 7, 8 and 13).

use super::kubeconfig::KubeconfigFile;
use super::source::Reader;
use super::tenancy::url;
use ::licensing::Protection;
use ::mail::Links;
use appliance::service::Loopback;
use model::license::token::UnboundUntil;
use outbound::BaseUrl;
use secrecy::SecretString;
use std::fmt;
use std::path::PathBuf;

/// The shop, when nothing is set (licensing contract, section 8).
const STORE: &str = "https://www.nineminds.com";

/// The licence API's service routes.
#[derive(Clone)]
pub(crate) struct RegistryAccess {
    /// `ALGA_LICENSE_SERVICE_URL`.
    pub(crate) base: Option<BaseUrl>,
    /// `ALGA_LICENSE_SERVICE_SECRET_FILE`, else `ALGA_LICENSE_SERVICE_SECRET`.
    pub(crate) secret: Option<SecretString>,
}

impl RegistryAccess {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let secret = match reader.text("ALGA_LICENSE_SERVICE_SECRET_FILE") {
            Some(_) => reader.secret_in_file("ALGA_LICENSE_SERVICE_SECRET_FILE"),
            None => reader.secret("ALGA_LICENSE_SERVICE_SECRET"),
        };
        Self {
            base: url(reader, "ALGA_LICENSE_SERVICE_URL", appliance::service::DEFAULT_SERVICE),
            secret: secret.map(|secret| SecretString::from(secret.expose())),
        }
    }
}

/// Settings of the licensing workflows.
#[derive(Clone)]
pub(crate) struct LicensingConfig {
    /// For the vendor's half; without a secret its steps say what is missing.
    pub(crate) registry: RegistryAccess,
    /// `ALGA_LICENSE_SERVICE_URL` as it was set, for the appliance's half.
    pub(crate) service_url: Option<String>,
    /// `ALGA_LICENSE_ALLOW_LOOPBACK`.
    pub(crate) loopback: Loopback,
    /// `ALGA_LICENSE_TRUST_FILE`.
    pub(crate) trust: Option<PathBuf>,
    /// `ALGA_LICENSE_ROOTS_FILE`.
    pub(crate) roots: Option<PathBuf>,
    /// `LICENSE_UNBOUND_ACCEPTED_UNTIL`.
    pub(crate) unbound: Option<UnboundUntil>,
    /// `KUBECONFIG`; the pod's own identity when `None`.
    pub(crate) kubeconfig: Option<KubeconfigFile>,
    /// `REQUIRE_ENCRYPTED_PAYLOADS`.
    pub(crate) protection: Protection,
    /// `NM_STORE_BASE_URL`.
    pub(crate) store: String,
    /// `APPLIANCE_SETUP_VIDEO_URL`; empty for none.
    pub(crate) video: String,
    /// `APPLIANCE_DOWNLOAD_PAGE_URL`; empty for none.
    pub(crate) download: String,
}

/// Shows no secret.
impl fmt::Debug for LicensingConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicensingConfig").field("loopback", &self.loopback).finish_non_exhaustive()
    }
}

impl LicensingConfig {
    /// Reads all of it. `codec` says whether payloads are encrypted.
    pub(super) fn read(reader: &mut Reader<'_>, codec: bool) -> Self {
        let loopback = loopback(reader);
        let required = reader.flag("REQUIRE_ENCRYPTED_PAYLOADS", false);
        if required && !codec {
            reader.problem("REQUIRE_ENCRYPTED_PAYLOADS", "needs PAYLOAD_CODEC=sensitive to be true");
        }
        let unbound = "LICENSE_UNBOUND_ACCEPTED_UNTIL";
        let date = reader.text(unbound);
        let accepted = date.as_deref().and_then(UnboundUntil::parse);
        if date.is_some() && accepted.is_none() {
            reader.problem(unbound, "must be a date such as 2026-12-31");
        }
        Self {
            registry: RegistryAccess::read(reader),
            service_url: reader.text("ALGA_LICENSE_SERVICE_URL"),
            loopback,
            trust: reader.readable_file("ALGA_LICENSE_TRUST_FILE"),
            roots: reader.readable_file("ALGA_LICENSE_ROOTS_FILE"),
            unbound: accepted,
            kubeconfig: KubeconfigFile::read(reader, &["KUBECONFIG"]),
            protection: if required { Protection::Required } else { Protection::Asked },
            store: link(reader, "NM_STORE_BASE_URL", loopback).unwrap_or_else(|| STORE.to_owned()),
            video: link(reader, "APPLIANCE_SETUP_VIDEO_URL", loopback).unwrap_or_default(),
            download: link(reader, "APPLIANCE_DOWNLOAD_PAGE_URL", loopback).unwrap_or_default(),
        }
    }

    /// Which links mails may show.
    pub(crate) const fn links(&self) -> Links {
        links(self.loopback)
    }
}

/// Whether plain `http` on this machine is accepted: `ALGA_LICENSE_ALLOW_LOOPBACK=true`, for the local stack.
pub(crate) fn loopback(reader: &mut Reader<'_>) -> Loopback {
    match reader.flag("ALGA_LICENSE_ALLOW_LOOPBACK", false) {
        true => Loopback::Allowed,
        false => Loopback::Refused,
    }
}

/// Which links mails may show.
pub(crate) const fn links(loopback: Loopback) -> Links {
    match loopback {
        Loopback::Allowed => Links::Loopback,
        Loopback::Refused => Links::HttpsOnly,
    }
}

/// A link of mails: only `https` ones are rendered, so another one is a mistake that is said at the start.
fn link(reader: &mut Reader<'_>, variable: &'static str, loopback: Loopback) -> Option<String> {
    let text = reader.text(variable)?;
    let local = loopback == Loopback::Allowed && text.starts_with("http://");
    if !text.starts_with("https://") && !local {
        reader.problem(variable, "must be an https URL: mails show no other link");
    }
    Some(text)
}
