//! Redemption of a code, as a machine that can be resumed after every step (licensing contract, section 9.3).

mod answer;
mod error;
mod machine;
mod plan;

pub use error::RedeemError;
pub use machine::{FirstCheckIn, Given, Parts, Reached, Redeemed, Step, Until, redeem, redeem_until};
pub use plan::GivenCode;
