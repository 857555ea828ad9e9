//! System tests of tenant provisioning: the worker as a process beside real Temporal and PostgreSQL, and scripted servers in
//! the place of Stripe, the shop and the provider of mail. One stack for the binary; the tests run one after the other.

mod answers;
mod canary;
mod cancels;
mod cell;
mod databases;
mod dead_runs;
mod engine;
mod garbage;
mod holds;
mod matrix;
mod oracle;
mod outages;
mod processes;
mod races;
mod refusals;
mod repairs;
mod replica;
mod rig;
mod settings;
mod smtp;
mod success;
mod world;
