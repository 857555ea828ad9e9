//! Which redemption to work on: a stored one, or a new one for the code that was given.

use crate::ids::{ApplianceId, RedemptionId, create_appliance_id};
use crate::installation::Standing;
use crate::redeem::machine::Given;
use crate::state::{Record, Redemption, Replaced, Stage};
use model::license::install_code::InstallCode;
use rand::CryptoRng;
use secrecy::SecretString;

/// What became of the code that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenCode {
    /// It is the one that was redeemed, now or earlier.
    Redeemed,
    /// None was given.
    None,
    /// Another redemption was finished first. The code was sent nowhere and can be given again.
    Unused,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Choice {
    /// Go on with the stored redemption.
    Resume(Redemption, GivenCode),
    /// Begin this one, in place of the stored one. It is new, or has the key that its code had before another was given.
    Begin(Redemption),
    /// There is nothing to do it with.
    NoCode,
    /// What the reference names is not stored here, or no longer.
    Replaced,
}

/// Chooses.
///
/// A stored answer has cost a code, so it is finished whatever code is given now. The same code keeps its key, also when other
/// codes were given between: if the service has consumed it and the answer was lost, only that key brings the answer back. A
/// redemption that is done counts for its code as long as the installation still has the id that it was made for; on a machine
/// that was set up anew it begins again.
pub(super) fn choose(
    record: &Record,
    standing: &Standing,
    given: &Given,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> Choice {
    let stored = record.redemption.as_ref();
    match (stored, given) {
        (None, Given::Nothing) => Choice::NoCode,
        (None, Given::Code(code)) => Choice::Begin(begin(code, record, standing, rng)),
        (Some(stored), Given::Nothing) => Choice::Resume(stored.clone(), GivenCode::None),
        (Some(stored), Given::Reference(reference)) if stored.fingerprint == *reference => {
            Choice::Resume(stored.clone(), GivenCode::Redeemed)
        }
        (_, Given::Reference(_)) => Choice::Replaced,
        (Some(stored), Given::Code(code)) => {
            let same = stored.fingerprint == stored.id.fingerprint(code.expose());
            match (&stored.stage, same) {
                (Stage::Answered { .. } | Stage::Dropped { .. }, false) => {
                    Choice::Resume(stored.clone(), GivenCode::Unused)
                }
                (Stage::Prepared { .. } | Stage::Answered { .. } | Stage::Dropped { .. }, true) => {
                    Choice::Resume(stored.clone(), GivenCode::Redeemed)
                }
                (Stage::Done { .. }, true) if standing.appliance_id.as_ref() == Some(&record.appliance_id) => {
                    Choice::Resume(stored.clone(), GivenCode::Redeemed)
                }
                (Stage::Prepared { .. }, false) | (Stage::Done { .. }, _) => {
                    Choice::Begin(begin(code, record, standing, rng))
                }
            }
        }
    }
}

fn begin(
    code: &InstallCode,
    record: &Record,
    standing: &Standing,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> Redemption {
    let id = kept(code, record, standing).unwrap_or_else(|| RedemptionId::create(rng));
    Redemption {
        fingerprint: id.fingerprint(code.expose()),
        id,
        expected_tenant: standing.tenant,
        stage: Stage::Prepared { code: SecretString::from(code.expose()) },
    }
}

/// The key that this code had before another took its place. Appliance and tenant are part of the request, so it brings an
/// answer back for the same ones only.
fn kept(code: &InstallCode, record: &Record, standing: &Standing) -> Option<RedemptionId> {
    if standing.appliance_id.as_ref().is_some_and(|id| *id != record.appliance_id) {
        return None;
    }
    let of_code = |kept: &&Replaced| {
        kept.expected_tenant == standing.tenant && kept.fingerprint == kept.id.fingerprint(code.expose())
    };
    record.replaced.iter().find(of_code).map(|kept| kept.id.clone())
}

/// The appliance's id: the one in force, else the one that was made earlier, else a new one. It is made once and kept.
pub(super) fn appliance_id(
    standing: &Standing,
    record: Option<&Record>,
    rng: &mut (dyn CryptoRng + Send + Sync),
) -> ApplianceId {
    let known = standing.appliance_id.as_ref().or(record.map(|record| &record.appliance_id));
    known.cloned().unwrap_or_else(|| create_appliance_id(rng))
}
