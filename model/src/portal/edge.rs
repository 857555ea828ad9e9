//! Who claims a host at the edge, and whether the edge is guarded against bad objects.
//!
//! The rules follow what istiod and Envoy were measured to do: two Gateways of one host drop the newer one silently, and a
//! host that is only spelled differently (`ns/host`, another case, a Gateway API listener) freezes the whole TLS listener.

mod claims;
mod guard;
mod index;

pub use claims::{ClaimKind, EdgeScope, HostClaim, ObjectRef, claims, normalise_host};
pub use guard::guarded;
pub use index::{Conflict, EdgeIndex, OwnObjects};
