//! The commands beside `worker`. Each parses its arguments, calls the library that has the role, and prints the answer.

pub(crate) mod appliance;
pub(crate) mod challenge;
pub(crate) mod codec_server;
pub(crate) mod dev;
pub(crate) mod domain;
pub(crate) mod license;
pub(crate) mod license_api;
pub(crate) mod migrate;
pub(crate) mod reasons;
pub(crate) mod replay;
pub(crate) mod tenant;
pub(crate) mod timeline;
