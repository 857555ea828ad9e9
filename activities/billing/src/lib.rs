//! Stripe: only the calls that tenant provisioning makes.
