//! Licences: a tenant registers and gets its code by mail, an appliance redeems it, keeps its licence fresh, and loses it.
//!
//! The licence API's routes are the transactions; these workflows are clients of them, so that a crash or a lost answer ends
//! in the same registration, the same code and one mail. No history holds a code that came out of the API, a licence or a
//! credential; an input that brings one is marked for the codec.

mod apply;
mod check_in;
mod input;
mod redeem;
mod registration;
mod reissue;
mod revocation;

pub use apply::LicenseApply;
pub use check_in::CheckIn;
pub use redeem::LicenseRedeem;
pub use registration::EssentialsRegistration;
pub use reissue::InstallCodeReissue;
pub use revocation::LicenseRevocation;
