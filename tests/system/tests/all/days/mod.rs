//! Days and weeks of a domain's life, and of a creation that waits, in seconds: the real workflows in a worker of this
//! process, on the time-skipping test server of Temporal, in a world in memory (`world.rs` says why it is a fake, and what it
//! models; `tenancies.rs` the same for creations).

mod authority;
mod checks;
mod creations;
mod engines;
mod issuance;
mod lapse;
mod life;
mod removal;
mod renewal;
mod script;
mod seam;
mod server;
mod steady;
mod store;
mod tenancies;
mod waiting;
mod worker;
mod world;
