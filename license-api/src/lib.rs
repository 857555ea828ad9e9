//! The licence API: registration, install codes, redemption, check-in.
