//! One suite against two name servers: the sample DNS of the local stack and the real knot.
//!
//! What our client sees must be equal, so that a test against the sample DNS means what it says. knot is Debian's package
//! `knot`; where `knotd` is not installed the layer is not run, and says so, or fails when `CI_REQUIRE_CONFORMANCE=1`.

mod knot;
mod suite;

pub use knot::{Knot, knotd};
pub use suite::{HOSTS, RECORDS, Wire, ZONES, ask, seen};
