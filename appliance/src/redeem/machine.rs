//! The steps, in order, each persisted before the next.

use super::answer::Judge;
use super::error::RedeemError;
use super::plan::{self, Choice, GivenCode};
use crate::check_in::{Exchange, Held, Outcome};
use crate::client::LicenseApi;
use crate::clock::Clock;
use crate::code::FailureCode;
use crate::ids::ApplianceId;
use crate::installation::{Grant, Installation, Standing};
use crate::service::Loopback;
use crate::state::{LicenseTimes, Record, Redemption, RedemptionState, Stage, Summary, VerifiedAnswer, Written};
use crate::trust::Verifier;
use crate::wire::RegisterRequest;
use model::license::clock::HighestTime;
use model::license::install_code::InstallCode;
use rand::CryptoRng;
use secrecy::SecretString;
use std::fmt;

/// What a redemption works with.
pub struct Parts<'a> {
    /// What is kept between the steps.
    pub state: &'a mut dyn RedemptionState,
    /// Where the licence goes.
    pub home: &'a dyn Installation,
    /// The service.
    pub api: &'a LicenseApi,
    /// The keys.
    pub verifier: &'a Verifier,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// For ids.
    pub rng: &'a mut (dyn CryptoRng + Send + Sync),
    /// Whether the answer may name plain `http` on this machine for check-ins.
    pub loopback: Loopback,
    /// Learns of each step before it is taken.
    pub progress: &'a (dyn Fn(Step) + Send + Sync),
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("api", &self.api).finish_non_exhaustive()
    }
}

/// What a caller hands over.
#[derive(Debug, Clone)]
pub enum Given {
    /// A code.
    Code(InstallCode),
    /// Nothing: a stored redemption is to be finished.
    Nothing,
    /// The reference of a stored redemption: that one is to be finished, and no other.
    Reference(String),
}

/// How far one call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// (b) Key and code are stored.
    Prepared,
    /// (e) The verified answer is stored.
    Answered,
    /// (f) The database has it.
    InDatabase,
    /// (g) The Secrets have it, and the code is forgotten.
    InSecrets,
    /// (h)
    Done,
}

/// Where a redemption is after a call that does not go to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The appliance's id.
    pub appliance_id: ApplianceId,
    /// Recognises the redemption: the first 16 hex digits of a keyed hash of its code. Tells nothing of the code.
    pub reference: String,
    /// Word of the stage that is stored.
    pub stage: &'static str,
}

/// A step, as people follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// (a), (b)
    Prepare,
    /// (c)
    Register,
    /// (d), (e)
    Verify,
    /// (f)
    WriteDatabase,
    /// (f)
    WriteSecrets,
    /// (g)
    DropCode,
    /// (h)
    CheckIn,
}

impl Step {
    /// The line for people.
    pub const fn line(self) -> &'static str {
        match self {
            Self::Prepare => "preparing the redemption",
            Self::Register => "asking the licence service",
            Self::Verify => "verifying and keeping the answer",
            Self::WriteDatabase => "writing the licence to the database",
            Self::WriteSecrets => "writing the licence to the cluster",
            Self::DropCode => "forgetting the code",
            Self::CheckIn => "checking in for the first time",
        }
    }
}

/// What became of the first check-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstCheckIn {
    /// The service answered it.
    Answered,
    /// An essentials tenant has none.
    NotNeeded,
    /// It did not work out. The redemption is complete without it; the daily check-in, or the next call, makes up for it.
    Deferred(FailureCode),
}

/// A completed redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The appliance's id.
    pub appliance_id: ApplianceId,
    /// What it brought.
    pub summary: Summary,
    /// What became of the code that was given.
    pub given: GivenCode,
    /// What became of the first check-in.
    pub first_check_in: FirstCheckIn,
}

/// Redeems a code, or finishes what was begun. After an error, or a kill at any point, the next call goes on with the same
/// idempotency key; once the answer is stored, `/register` is not called again.
///
/// # Errors
/// See [`RedeemError`].
pub async fn redeem(parts: &mut Parts<'_>, given: Given) -> Result<Redeemed, RedeemError> {
    let (mut run, given) = begin(parts, &given).await?;
    let (summary, first_check_in) = run.finish().await?;
    Ok(Redeemed { appliance_id: run.record.appliance_id, summary, given, first_check_in })
}

/// Takes the steps up to a stage and leaves the others to a later call; what was reached before is not done again.
///
/// # Errors
/// See [`RedeemError`].
pub async fn redeem_until(parts: &mut Parts<'_>, given: Given, until: Until) -> Result<Reached, RedeemError> {
    let (mut run, _) = begin(parts, &given).await?;
    while run.reached() < until {
        match run.advance().await? {
            Advanced::Next => {}
            Advanced::Ended(..) => break,
        }
    }
    Ok(Reached {
        stage: run.redemption.stage.as_str(),
        reference: run.redemption.fingerprint,
        appliance_id: run.record.appliance_id,
    })
}

/// Steps (a) and (b), or what was stored of them.
async fn begin<'r, 'a>(parts: &'r mut Parts<'a>, given: &Given) -> Result<(Run<'r, 'a>, GivenCode), RedeemError> {
    (parts.progress)(Step::Prepare);
    let standing = parts.home.standing().await?;
    let mut record = named(parts, &standing, given).await?;
    let (redemption, given) = match plan::choose(&record, &standing, given, parts.rng) {
        Choice::NoCode => return Err(RedeemError::NoCode),
        Choice::Replaced => return Err(RedeemError::Replaced),
        Choice::Resume(redemption, given) => (redemption, given),
        Choice::Begin(redemption) => {
            let appliance_id = plan::appliance_id(&standing, Some(&record), parts.rng);
            record.replace(redemption.clone(), appliance_id);
            parts.state.save(&record).await?;
            (redemption, GivenCode::Redeemed)
        }
    };
    Ok((Run { parts, record, redemption, standing }, given))
}

/// Step (a). Nothing is stored where there is nothing to do.
async fn named(parts: &mut Parts<'_>, standing: &Standing, given: &Given) -> Result<Record, RedeemError> {
    if let Some(record) = parts.state.load().await? {
        return Ok(record);
    }
    if matches!(given, Given::Nothing) {
        return Err(RedeemError::NoCode);
    }
    let appliance_id = plan::appliance_id(standing, None, parts.rng);
    let record = Record { appliance_id, verified_origin: None, redemption: None, replaced: Vec::new() };
    parts.state.save(&record).await?;
    Ok(record)
}

/// One redemption on its way.
struct Run<'r, 'a> {
    parts: &'r mut Parts<'a>,
    record: Record,
    redemption: Redemption,
    standing: Standing,
}

/// What one turn came to.
enum Advanced {
    /// The next stage is stored.
    Next,
    /// There is nothing left to do now.
    Ended(Summary, FirstCheckIn),
}

impl Run<'_, '_> {
    /// Takes the steps that are left.
    async fn finish(&mut self) -> Result<(Summary, FirstCheckIn), RedeemError> {
        loop {
            if let Advanced::Ended(summary, first) = self.advance().await? {
                return Ok((summary, first));
            }
        }
    }

    const fn reached(&self) -> Until {
        match &self.redemption.stage {
            Stage::Prepared { .. } => Until::Prepared,
            Stage::Answered { written: Written::Nothing, .. } => Until::Answered,
            Stage::Answered { written: Written::Database, .. } => Until::InDatabase,
            Stage::Dropped { .. } => Until::InSecrets,
            Stage::Done { .. } => Until::Done,
        }
    }

    /// Takes one step and persists the stage that it leads to.
    async fn advance(&mut self) -> Result<Advanced, RedeemError> {
        let next = match self.redemption.stage.clone() {
            Stage::Prepared { code } => {
                let verified = self.register(&code).await?;
                Stage::Answered { code, verified, written: Written::Nothing }
            }
            Stage::Answered { code, verified, written: Written::Nothing } => {
                if self.parts.home.has_database() {
                    (self.parts.progress)(Step::WriteDatabase);
                }
                self.parts.home.grant_in_database(&self.grant(&verified)).await?;
                Stage::Answered { code, verified, written: Written::Database }
            }
            Stage::Answered { code: _, verified, written: Written::Database } => {
                (self.parts.progress)(Step::WriteSecrets);
                self.parts.home.grant_in_secrets(&self.grant(&verified)).await?;
                (self.parts.progress)(Step::DropCode);
                Stage::Dropped { verified }
            }
            Stage::Dropped { verified } => match self.check_in(&verified).await {
                FirstCheckIn::Deferred(code) => {
                    return Ok(Advanced::Ended(verified.summary(), FirstCheckIn::Deferred(code)));
                }
                FirstCheckIn::Answered | FirstCheckIn::NotNeeded => Stage::Done { summary: verified.summary() },
            },
            Stage::Done { summary } => {
                let first = match summary.check_in_url {
                    Some(_) => FirstCheckIn::Answered,
                    None => FirstCheckIn::NotNeeded,
                };
                return Ok(Advanced::Ended(summary, first));
            }
        };
        self.keep(next).await?;
        Ok(Advanced::Next)
    }

    /// Persists a stage.
    async fn keep(&mut self, stage: Stage) -> Result<(), RedeemError> {
        self.redemption.stage = stage;
        self.record.redemption = Some(self.redemption.clone());
        Ok(self.parts.state.save(&self.record).await?)
    }

    /// Steps (c) and (d). The request is made of stored values only, so that a repeat under the same key is the same request.
    async fn register(&mut self, code: &SecretString) -> Result<VerifiedAnswer, RedeemError> {
        (self.parts.progress)(Step::Register);
        let request = RegisterRequest {
            code: code.clone(),
            appliance_id: self.record.appliance_id.as_str().to_owned(),
            expected_tenant: self.redemption.expected_tenant,
            require_license: self.parts.home.require_license(),
        };
        let answer = self.parts.api.register(&request, &self.redemption.id).await?;
        (self.parts.progress)(Step::Verify);
        let judge = Judge {
            api: self.parts.api,
            home: self.parts.home,
            verifier: self.parts.verifier,
            standing: &self.standing,
            loopback: self.parts.loopback,
            now: self.parts.clock.unix_seconds(),
        };
        let verified = judge.admit(&self.redemption, &answer).await?;
        self.record.verified_origin = Some(self.parts.api.service().origin().as_str().to_owned());
        let times = verified.map(|verified| {
            // Every later step goes on with the time that was set back.
            self.standing.highest = verified.highest;
            LicenseTimes { issued_at: verified.license.issued_at(), expires_at: verified.license.expires_at() }
        });
        Ok(VerifiedAnswer { answer, times })
    }

    fn grant<'v>(&'v self, verified: &'v VerifiedAnswer) -> Grant<'v> {
        let highest = HighestTime::stored(self.standing.highest).seen(self.parts.clock.unix_seconds());
        let highest = highest.seen(verified.times.map_or(0, |times| times.issued_at)).seconds();
        Grant { appliance_id: &self.record.appliance_id, answer: &verified.answer, highest }
    }

    /// Step (h). Whatever comes of it, the redemption stands.
    async fn check_in(&self, verified: &VerifiedAnswer) -> FirstCheckIn {
        let Some(paid) = &verified.answer.paid else { return FirstCheckIn::NotNeeded };
        (self.parts.progress)(Step::CheckIn);
        let held = Held {
            tenant: verified.answer.tenant,
            credential: paid.credential.clone(),
            token: Some(paid.token.clone()),
            highest: self.grant(verified).highest,
            keyset: self.standing.keyset.clone(),
        };
        let exchange = Exchange {
            home: self.parts.home,
            api: self.parts.api,
            verifier: self.parts.verifier,
            clock: self.parts.clock,
        };
        match exchange.run(&held).await {
            Ok(Outcome::Refreshed { .. } | Outcome::Unchanged { .. } | Outcome::Revoked { .. }) => {
                FirstCheckIn::Answered
            }
            Ok(Outcome::Error { code, .. }) => FirstCheckIn::Deferred(code),
            Ok(Outcome::NotConnected) => FirstCheckIn::NotNeeded,
            Ok(Outcome::NotSelfHost) => FirstCheckIn::Deferred(FailureCode::NotSelfHost),
            Err(error) => FirstCheckIn::Deferred(error.code()),
        }
    }
}
