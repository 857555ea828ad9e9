//! Passwords, their hashes, and what is sealed.
