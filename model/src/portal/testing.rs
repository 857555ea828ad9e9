//! Sample rows, claims and a simulated world for the tests of this crate.

use crate::finding::Finding;
use crate::portal::axis::PolicyState;
use crate::portal::health::Health;
use crate::portal::record::{Claim, Row, RunSettings, Status};

pub(crate) fn row() -> Row {
    Row {
        id: "11111111-1111-4111-8111-111111111111".to_owned(),
        tenant: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa".to_owned(),
        domain: "portal.customer.test".to_owned(),
        canonical_host: "aaaaaaa.portal.app.example.com".to_owned(),
        status: Status::PendingDns,
        message: String::new(),
        expected_cname: "aaaaaaa.portal.app.example.com".to_owned(),
        certificate_secret_name: String::new(),
        last_checked_ms: 0,
        updated_us: 1,
    }
}

pub(crate) fn claim() -> Claim {
    Claim {
        host: "portal.customer.test".to_owned(),
        generation: 1,
        fence: 1,
        ownership_token: "token".to_owned(),
        own_target: "t-aaaaaaaaaaaaaaaa.portal.app.example.com".to_owned(),
        probe_nonce: "nonce".to_owned(),
        opened_ms: 0,
        proven_ms: 0,
        contended: false,
    }
}

pub(crate) fn settings() -> RunSettings {
    RunSettings::default()
}

/// A generation whose host name was judged good.
pub(crate) fn health_at(now_ms: i64) -> Health {
    let mut health = Health::new(1, now_ms);
    health.policy.fold(Finding::good(PolicyState::Allowed), |_| true, 1, now_ms + 1);
    health
}
