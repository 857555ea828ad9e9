//! Keys of licences and install codes: signing, verification, keyed hashes, presigned links.
//!
//! Invariants. No key byte, token or code is in a `Debug`, an error or a message of this crate. Nothing here opens a socket.
//! Clocks and random sources are arguments; only a watched file looks at the monotonic clock, to look at the file seldom.

pub mod built_in;
pub mod codes;
mod es256;
pub mod key_ring;
pub mod object_store;
pub mod presign;
pub mod signer;
pub mod signer_file;
pub mod verifier;
pub mod watched;
