//! HTTP calls to outside systems: limits, retries that wait their turn, a breaker per host, signatures.
