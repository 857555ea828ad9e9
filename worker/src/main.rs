//! `tenantry`: one binary, several roles.

fn main() {}
