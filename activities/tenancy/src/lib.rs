//! The activities of tenant provisioning.
