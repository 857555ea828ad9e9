//! The appliance's side of licensing: redemption of a code, a pasted licence, the daily check-in, and the Secrets.
//!
//! Invariants. A credential goes to the configured service or to the one of a verified redemption, and nowhere else. No
//! answer is stored before it is verified. After an answer is stored, `/register` is not called again for it. Rows of
//! `license_state` are neither made nor deleted. No code, token, credential or password is in a `Debug`, an error or a log.

pub mod clock;
pub mod code;
pub mod ids;
pub mod service;
pub mod trust;
pub mod wire;

pub mod client;
pub mod secrets;

pub mod installation;
pub mod schema;
pub mod state;

pub mod apply;
pub mod check_in;
pub mod redeem;
