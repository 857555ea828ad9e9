//! Days and weeks of a domain's life in seconds: the real workflows in a worker of this process, on the time-skipping test
//! server of Temporal, in a world in memory (`world.rs` says why it is a fake, and what it models).

mod authority;
mod checks;
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
mod waiting;
mod worker;
mod world;
