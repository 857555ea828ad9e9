//! System tests of tenant provisioning: the worker as a process beside real Temporal and PostgreSQL, and scripted servers in
//! the place of Stripe, the shop and the provider of mail. One stack for the binary; the tests run one after the other.

mod answers;
mod cancels;
mod cell;
mod databases;
mod engine;
mod holds;
mod matrix;
mod oracle;
mod processes;
mod replica;
mod rig;
mod success;
mod world;
