//! Licences: install codes, claims, verification, what is decided at redemption and at check-in.
