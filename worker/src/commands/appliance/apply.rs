//! `appliance apply`.

use super::answer::{Bad, Good, rfc3339};
use super::{TrustArgs, place, stdin};
use crate::config::Source;
use appliance::apply::apply;
use appliance::clock::SystemClock;
use serde_json::json;

pub(super) async fn run(source: &Source, args: &TrustArgs) -> Result<Good, Bad> {
    let text = stdin::read("licence")?;
    let verifier = place::verifier(source, args)?;
    let pool = place::pool(source).await?;
    let home = place::installed(source, &pool).await?;
    let applied = apply(&text, &home, &verifier, &SystemClock).await;
    let license = applied.map_err(|error| Bad::of(error.code(), error))?;
    let until = if license.is_perpetual() { "without end".to_owned() } else { rfc3339(license.expires_at()) };
    Ok(Good {
        result: json!({
            "edition": license.tier().as_str(), "expiresAt": rfc3339(license.expires_at()), "source": "live",
        }),
        text: format!("the licence is stored\n  edition  {}\n  valid    {until}", license.tier()),
    })
}
