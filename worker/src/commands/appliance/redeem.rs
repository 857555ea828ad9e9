//! `appliance redeem`.

use super::answer::{Bad, Good, rfc3339};
use super::place;
use super::{RedeemArgs, stdin};
use crate::clients::license_runs::{LicenseRuns, REDEEMED_MAX, RedemptionRun};
use crate::clients::temporal;
use crate::clients::tenant_runs::{Ended, WORKFLOW_ENDED};
use crate::config::{ClientSettings, Source};
use crate::exit::{Exit, Failure};
use appliance::client::LicenseApi;
use appliance::clock::SystemClock;
use appliance::code::FailureCode;
use appliance::installation::{Fresh, Installation};
use appliance::redeem::{
    FirstCheckIn, Given, GivenCode, Parts, RedeemError, Redeemed, Step, Until, redeem, redeem_until,
};
use appliance::service::Loopback;
use appliance::state::{FileState, RedemptionState};
use appliance::trust::Verifier;
use model::license::install_code::InstallCode;
use rand::CryptoRng;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::io::Write as _;

pub(super) async fn run(source: &Source, args: &RedeemArgs) -> Result<Good, Bad> {
    let given = given(&stdin::read("install code")?)?;
    if args.place.workflow {
        return by_workflow(source, args, given).await;
    }
    match &args.place.state {
        // Not even a file that is locked is left behind.
        Some(path) if matches!(given, Given::Nothing) && !path.exists() => Err(coded(RedeemError::NoCode)),
        Some(path) => {
            let mut state = FileState::open(path).map_err(|error| coded(error.into()))?;
            let home = Fresh::new(place::secrets(source).await?);
            go(source, args, &mut state, &home, given, "seed-fallback").await
        }
        None => {
            let pool = place::pool(source).await?;
            let home = place::installed(source, &pool).await?;
            let mut state = place::stored(source, &pool)?.ok_or_else(|| {
                Failure::new(Exit::No, "TENANTRY_SEALING_KEYS_FILE: needed to keep the redemption in the database")
            })?;
            go(source, args, &mut state, &home, given, "live").await
        }
    }
}

/// Seals the code in the database, and lets the worker do the rest.
async fn by_workflow(source: &Source, args: &RedeemArgs, given: Given) -> Result<Good, Bad> {
    let pool = place::pool(source).await?;
    let home = place::installed(source, &pool).await?;
    let mut state = place::stored(source, &pool)?.ok_or_else(|| {
        Failure::new(Exit::No, "TENANTRY_SEALING_KEYS_FILE: needed to keep the redemption in the database")
    })?;
    let settings = ClientSettings::parse(source, &[]).map_err(|problems| Failure::of(Exit::No, problems))?;
    let client = temporal::connect(&settings.temporal).await.map_err(of_temporal)?;
    let queue = source.value("APPLIANCE_LICENSE_TASK_QUEUE").unwrap_or(contract::names::TENANT_QUEUE);
    let tools = Tools::of(source, args, &home, &mut state).await?;
    let mut rng = credentials::system_random();
    let reached = redeem_until(&mut tools.parts(&mut state, &home, &mut rng), given, Until::Prepared).await;
    let reached = reached.map_err(coded)?;
    let runs = LicenseRuns::new(client, queue.to_owned());
    let run = runs.redeem(reached.appliance_id.as_str(), &reached.reference, &say).await.map_err(of_temporal)?;
    let mut result = result_of(run)?;
    result["source"] = json!("live");
    let field = |name: &str| result[name].as_str().unwrap_or("-").to_owned();
    let text = format!(
        "redeemed for tenant {}\n  edition    {}\n  appliance  {}\n  licence    valid until {}",
        field("tenantId"),
        field("edition"),
        field("applianceId"),
        field("expiresAt"),
    );
    Ok(Good { result, text })
}

/// What the run came to: a failure has the code of its type, as if the steps had been taken here.
fn result_of(run: RedemptionRun) -> Result<Value, Bad> {
    let RedemptionRun { id, ended } = run;
    let unfinished = |text: String| Bad::of(FailureCode::RedemptionUnfinished, anyhow::Error::msg(text));
    match ended {
        Some(Ended::Completed(result)) => Ok(result),
        Some(Ended::Failed { kind, text, .. }) => Err(match FailureCode::parse(&kind) {
            Some(code) => Bad::of(code, anyhow::Error::msg(format!("{id} failed"))),
            // Terminated, cancelled or timed out: what was reached is stored, and another run goes on with it.
            None if kind == WORKFLOW_ENDED => unfinished(format!("{id} ended: {text}")),
            None => Failure::new(Exit::Refused, format!("{text} [{kind}]")).into(),
        }),
        None => {
            let seconds = REDEEMED_MAX.as_secs();
            Err(unfinished(format!("not done within {seconds} s; {id} goes on: see the Temporal UI")))
        }
    }
}

fn of_temporal(failure: Failure) -> Bad {
    match failure.exit {
        Exit::Unreachable => Bad::of(FailureCode::TemporalUnavailable, failure.error),
        Exit::Ok | Exit::No | Exit::Usage | Exit::NotFound | Exit::Refused | Exit::Internal => Bad::Plain(failure),
    }
}

/// Nothing but white space is no code: a stored redemption is to be finished.
fn given(text: &SecretString) -> Result<Given, Bad> {
    if text.expose_secret().trim().is_empty() {
        return Ok(Given::Nothing);
    }
    let code = InstallCode::parse(text.expose_secret());
    code.map(Given::Code).map_err(|error| Bad::of(FailureCode::InvalidClaimCode, error))
}

async fn go(
    source: &Source,
    args: &RedeemArgs,
    state: &mut dyn RedemptionState,
    home: &dyn Installation,
    given: Given,
    told_from: &str,
) -> Result<Good, Bad> {
    let tools = Tools::of(source, args, home, state).await?;
    let mut rng = credentials::system_random();
    let redeemed = redeem(&mut tools.parts(state, home, &mut rng), given).await.map_err(coded)?;
    Ok(good(&redeemed, told_from))
}

/// The service and the keys.
struct Tools {
    loopback: Loopback,
    verifier: Verifier,
    api: LicenseApi,
}

impl Tools {
    async fn of(
        source: &Source,
        args: &RedeemArgs,
        home: &dyn Installation,
        state: &mut dyn RedemptionState,
    ) -> Result<Self, Bad> {
        let loopback = place::loopback(source)?;
        let verifier = place::verifier(source, &args.trust)?;
        let standing = home.standing().await.map_err(|error| coded(error.into()))?;
        let record = state.load().await.map_err(|error| coded(error.into()))?;
        let service = place::service(source, &standing, record.as_ref(), loopback)?;
        let api = LicenseApi::new(service).map_err(|error| Failure::of(Exit::Internal, error))?;
        Ok(Self { loopback, verifier, api })
    }

    fn parts<'a>(
        &'a self,
        state: &'a mut dyn RedemptionState,
        home: &'a dyn Installation,
        rng: &'a mut (dyn CryptoRng + Send + Sync),
    ) -> Parts<'a> {
        Parts {
            state,
            home,
            api: &self.api,
            verifier: &self.verifier,
            clock: &SystemClock,
            rng,
            loopback: self.loopback,
            progress: &tell,
        }
    }
}

fn coded(error: RedeemError) -> Bad {
    Bad::Coded { code: error.code(), retry_after: error.retry_after(), error: error.into() }
}

fn tell(step: Step) {
    say(step.line());
}

/// A line for whoever waits.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn good(redeemed: &Redeemed, told_from: &str) -> Good {
    let summary = &redeemed.summary;
    let first = match redeemed.first_check_in {
        FirstCheckIn::Answered => "answered",
        FirstCheckIn::NotNeeded => "not_needed",
        FirstCheckIn::Deferred(_) => "deferred",
    };
    let given = match redeemed.given {
        GivenCode::Redeemed => "redeemed",
        GivenCode::None => "none",
        GivenCode::Unused => "unused",
    };
    let expires_at = summary.expires_at.map(rfc3339);
    let mut text = format!(
        "redeemed for tenant {}\n  edition    {}\n  appliance  {}",
        summary.tenant, summary.edition, redeemed.appliance_id,
    );
    if let Some(expires_at) = &expires_at {
        text.push_str(&format!("\n  licence    valid until {expires_at}"));
    }
    if let FirstCheckIn::Deferred(code) = redeemed.first_check_in {
        text.push_str(&format!(
            "\n  check-in   did not work out yet ({}); the daily one makes up for it",
            code.as_str()
        ));
    }
    if redeemed.given == GivenCode::Unused {
        text.push_str(
            "\n  note       an earlier redemption was finished; the code that was given now has not been used",
        );
    }
    let result = json!({
        "edition": summary.edition.as_str(),
        "tenantId": summary.tenant,
        "applianceId": redeemed.appliance_id.as_str(),
        "checkInUrl": summary.check_in_url,
        "expiresAt": expires_at,
        "source": told_from,
        "givenCode": given,
        "firstCheckIn": first,
    });
    Good { result, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use appliance::code::Remedy;
    use appliance::ids::ApplianceId;
    use appliance::state::Summary;
    use model::license::edition::Edition;

    #[test]
    fn an_empty_input_finishes_and_a_wrong_one_is_for_the_operator() {
        assert!(matches!(given(&" \n".into()), Ok(Given::Nothing)));
        assert!(matches!(given(&" k7qp-m2rx \n".into()), Ok(Given::Code(_))));
        let Err(Bad::Coded { code, error, .. }) = given(&"CANARY!".into()) else { panic!("no code") };
        assert_eq!(code, FailureCode::InvalidClaimCode);
        assert!(!format!("{error:#}").contains("CANARY"));
    }

    fn code_of(ended: Result<Value, Bad>) -> Option<FailureCode> {
        match ended {
            Err(Bad::Coded { code, .. }) => Some(code),
            Ok(_) | Err(Bad::Plain(_)) => None,
        }
    }

    fn run(ended: Option<Ended>) -> RedemptionRun {
        RedemptionRun { id: "appliance-redeem:appliance-1:0123".to_owned(), ended }
    }

    #[test]
    fn a_run_that_failed_keeps_the_code_of_its_failure() {
        let failed = |kind: &str| {
            let text = "a sentence".to_owned();
            result_of(run(Some(Ended::Failed { kind: kind.to_owned(), text, details: None })))
        };
        for code in FailureCode::ALL {
            assert_eq!(code_of(failed(code.as_str())), Some(code));
        }
        assert_eq!(code_of(failed(WORKFLOW_ENDED)), Some(FailureCode::RedemptionUnfinished));
        let Err(Bad::Plain(failure)) = failed("configuration") else { panic!("no code of the contract") };
        assert_eq!(failure.to_string(), "a sentence [configuration]");
        assert_eq!(result_of(run(Some(Ended::Completed(json!({}))))).ok(), Some(json!({})));
    }

    #[test]
    fn a_run_that_goes_on_and_an_engine_that_is_away_are_for_a_repeat() {
        for (bad, expected) in [
            (result_of(run(None)), FailureCode::RedemptionUnfinished),
            (Err(of_temporal(Failure::new(Exit::Unreachable, "x"))), FailureCode::TemporalUnavailable),
        ] {
            let code = code_of(bad);
            assert_eq!((code, code.map(FailureCode::remedy)), (Some(expected), Some(Remedy::Retry)));
        }
        assert!(matches!(of_temporal(Failure::new(Exit::No, "x")), Bad::Plain(_)), "a setting");
    }

    #[test]
    fn the_result_has_the_fields_of_the_workflow() {
        let redeemed = Redeemed {
            appliance_id: ApplianceId::parse("appliance-1").expect("an id"),
            summary: Summary {
                tenant: uuid::Uuid::nil(),
                edition: Edition::Pro,
                check_in_url: Some("https://x.example/check-in".to_owned()),
                expires_at: Some(1_767_225_600),
            },
            given: GivenCode::Unused,
            first_check_in: FirstCheckIn::Deferred(FailureCode::ServiceUnavailable),
        };
        let good = good(&redeemed, "live");
        let expected = json!({
            "edition": "pro", "tenantId": uuid::Uuid::nil(), "applianceId": "appliance-1",
            "checkInUrl": "https://x.example/check-in", "expiresAt": "2026-01-01T00:00:00.000Z", "source": "live",
            "givenCode": "unused", "firstCheckIn": "deferred",
        });
        assert_eq!(good.result, expected);
        assert!(good.text.contains("has not been used") && good.text.contains("service_unavailable"));
    }
}
