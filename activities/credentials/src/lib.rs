//! Passwords, their hashes, keyed hashes, and what is sealed.
//!
//! Nothing here reads a setting or writes to a store, and no random source is hidden: whoever calls gives values and a
//! source. Every secret is a type of `secrecy`: no `Debug`, no error and no message of this crate shows any of its content.
//! Hashing costs milliseconds of one core (PBKDF2), so an asynchronous caller moves it to a blocking thread.

pub mod generate;
pub mod key_file;
pub mod keyed_hash;
pub mod params;
pub mod password;
pub mod seal;

mod random;

pub use generate::generate_password;
pub use key_file::{Fault, KeyFile, KeyFileError};
pub use keyed_hash::{KeyedHasher, Purpose, WeakKey};
pub use params::{Algorithm, ParamsError, PasswordParams};
pub use password::{MalformedHash, PasswordHash, PasswordHasher, PepperMissing};
pub use random::system_random;
pub use seal::{KeyId, OpenError, Sealed, SealingKeys, UnreadableSeal};
