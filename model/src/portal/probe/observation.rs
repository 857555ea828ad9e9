//! What one look at a host collected, before it is judged.

use std::net::IpAddr;

/// The certificate that a server showed for the host itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// SHA-256 of its DER form, lower-case hex.
    pub fingerprint_sha256: String,
    /// End of its validity, Unix milliseconds; 0 when it could not be read.
    pub not_after_ms: i64,
}

/// Why a browser refuses a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustFault {
    /// No subject alternative name equals the host.
    WrongName,
    /// The chain does not end at a trust anchor.
    UnknownIssuer,
    /// Past its end.
    Expired,
    /// Before its begin.
    NotYetValid,
    /// Anything else, in the verifier's words.
    Other(String),
}

/// Head of one HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Header `Location`.
    pub location: Option<String>,
    /// Header [`NONCE_HEADER`](super::NONCE_HEADER).
    pub nonce: Option<String>,
}

/// What became of one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An earlier request failed, so this one was not sent.
    NotAsked,
    /// No usable answer.
    Failed(String),
    /// An answer.
    Head(Head),
}

/// The three requests over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// [`PROBE_PATH`](super::PROBE_PATH).
    pub probe: Answer,
    /// `/`.
    pub root: Answer,
    /// [`DASHBOARD_PATH`](super::DASHBOARD_PATH).
    pub dashboard: Answer,
}

/// What the TLS port of one address did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secure {
    /// TCP was refused or timed out.
    NoConnection(String),
    /// TCP worked; the handshake ended without a certificate.
    NoHandshake(String),
    /// A certificate was shown that a browser refuses.
    Untrusted(Leaf, TrustFault),
    /// Chain, name and validity are good.
    Trusted(Leaf, Box<Site>),
}

/// What became of one published address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// Private, reserved or platform address: never dialled (R39).
    NotAdmitted,
    /// Our own side could not dial, for example without a route for the address family.
    OwnSide(String),
    /// It was dialled.
    Dialled {
        /// Over TLS.
        secure: Secure,
        /// `/` over plain HTTP.
        plain: Answer,
    },
}

/// One look at one published address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressLook {
    /// The address.
    pub address: IpAddr,
    /// What became of it.
    pub contact: Contact,
}

/// One look at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeObservation {
    /// Our own side failed before any address was known.
    OwnSide(String),
    /// The host's addresses; empty when it publishes none.
    Addresses(Vec<AddressLook>),
}
