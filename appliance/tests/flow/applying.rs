//! Pasted licences.

use crate::home::Home;
use crate::world::{At, DAY, NOW, OTHER, TENANT, token, verifier};
use appliance::apply::apply;
use appliance::code::FailureCode;

async fn applied(home: &Home, text: &str, at: i64) -> Result<i64, FailureCode> {
    let license = apply(&text.into(), home, &verifier(), &At(at)).await.map_err(|error| error.code())?;
    Ok(license.expires_at())
}

#[tokio::test]
async fn a_licence_of_the_tenant_is_stored_without_the_white_space_around_it() {
    let (home, good) = (Home::installed(TENANT), token(TENANT, NOW).await);
    assert_eq!(applied(&home, &format!("\n {good}\r\n"), NOW).await, Ok(NOW + 31 * DAY));
    let rows = home.rows();
    assert_eq!((rows.token.as_deref(), rows.secrets["LICENSE_TOKEN"].as_str()), (Some(good.as_str()), good.as_str()));
    assert_eq!(rows.highest, NOW);
}

#[tokio::test]
async fn what_does_not_verify_changes_nothing() {
    let home = Home::installed(TENANT);
    let before = home.rows();
    assert_eq!(applied(&home, &token(OTHER, NOW).await, NOW).await, Err(FailureCode::TenantMismatch));
    assert_eq!(applied(&home, &token(TENANT, NOW).await, NOW + 32 * DAY).await, Err(FailureCode::ExpiredLicense));
    assert_eq!(applied(&home, "not a licence", NOW).await, Err(FailureCode::InvalidLicense));
    assert_eq!(applied(&Home::fresh(), &token(TENANT, NOW).await, NOW).await, Err(FailureCode::NotSelfHost));
    assert_eq!(home.rows(), before);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_bring_an_expired_licence_to_life() {
    let (home, old) = (Home::installed(TENANT), token(TENANT, NOW).await);
    home.lock().highest = NOW + 41 * DAY;
    assert_eq!(applied(&home, &old, NOW + DAY).await, Err(FailureCode::ExpiredLicense));
    home.lock().highest = NOW + DAY + 3_600;
    assert_eq!(applied(&home, &old, NOW + DAY).await, Ok(NOW + 31 * DAY), "an hour is a matter of clocks");
}
