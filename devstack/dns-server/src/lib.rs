#![doc = include_str!("../README.md")]

pub mod config;
pub mod records;

pub mod edit;
pub mod faults;

mod answer;
mod live;
mod rdata;
mod server;
mod world;

pub use config::{Config, ConfigError, ZoneConfig};
pub use server::{Server, serve};
