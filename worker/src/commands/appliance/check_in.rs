//! `appliance check-in`.

use super::answer::{Bad, Good, rfc3339};
use super::{TrustArgs, place};
use crate::config::Source;
use crate::exit::{Exit, Failure};
use appliance::check_in::{self, CheckInError, Exchange, Held, Outcome};
use appliance::client::LicenseApi;
use appliance::clock::SystemClock;
use serde_json::json;

pub(super) async fn run(source: &Source, args: &TrustArgs) -> Result<Good, Bad> {
    let loopback = place::loopback(source)?;
    let verifier = place::verifier(source, args)?;
    let pool = place::pool(source).await?;
    let home = place::installed(source, &pool).await?;
    let standing = match check_in::held(&home).await.map_err(coded)? {
        Ok(standing) => standing,
        Err(outcome) => return ended(outcome),
    };
    let record = place::record(place::stored(source, &pool)?.as_mut()).await?;
    let service = place::service(source, &standing, record.as_ref(), loopback)?;
    let api = LicenseApi::new(service).map_err(|error| Failure::of(Exit::Internal, error))?;
    let Some(held) = Held::of(standing) else { return ended(Outcome::NotConnected) };
    let exchange = Exchange { home: &home, api: &api, verifier: &verifier, clock: &SystemClock };
    ended(exchange.run(&held).await.map_err(coded)?)
}

fn coded(error: CheckInError) -> Bad {
    Bad::of(error.code(), error)
}

/// An outcome is an answer, but a refusal must not look like success to a script.
fn ended(outcome: Outcome) -> Result<Good, Bad> {
    if let Outcome::Error { code, detail } = outcome {
        return Err(Bad::of(code, anyhow::Error::msg(detail)));
    }
    let expires_at = outcome.expires_at().map(rfc3339);
    let until = expires_at.as_ref().map(|time| format!("\n  licence  valid until {time}")).unwrap_or_default();
    Ok(Good {
        result: json!({ "outcome": outcome.as_str(), "expiresAt": expires_at }),
        text: format!("{}{until}", outcome.as_str().replace('_', " ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use appliance::code::FailureCode;

    #[test]
    fn a_refusal_is_no_success_and_everything_else_is_an_answer() {
        let code = FailureCode::UnknownCredential;
        assert!(
            matches!(ended(Outcome::Error { code, detail: "x" }), Err(Bad::Coded { code: found, .. }) if found == code)
        );
        let good = ended(Outcome::Refreshed { expires_at: 1_767_225_600 }).expect("an answer");
        assert_eq!(good.result, json!({ "outcome": "refreshed", "expiresAt": "2026-01-01T00:00:00.000Z" }));
        assert_eq!(ended(Outcome::NotSelfHost).expect("an answer").text, "not self host");
    }
}
