//! The manifest directory: what was applied, written out for reviewers. A record, never an input.

mod activities;
mod directory;

pub use activities::RecordActivities;
pub use directory::{RecordError, Settings};
