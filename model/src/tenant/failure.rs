//! Types of errors: a closed list, and which of them end a step at once.

use super::product::words;

words! {
    /// `type` of a failure. All are final: they are not tried again, only after somebody decided so (contract, R11).
    FailureType {
        /// The input cannot be used; the details list every fault.
        Validation = "ValidationError",
        /// The subscription, checkout, transaction or address belongs to a tenant already.
        Duplicate = "DuplicateError",
        /// Something outside must be configured first, such as a price.
        Configuration = "ConfigurationError",
        /// There is no such tenant.
        TenantNotFound = "TenantNotFoundError",
        /// A repeated step came with another input, or the tenant's rows are not ours.
        IdempotencyConflict = "IdempotencyConflict",
        /// An outside system refused for good.
        UpstreamRejected = "UpstreamRejected",
        /// Stripe refused a change of product.
        ProductUpgradeStripeRefusal = "ProductUpgradeStripeRefusal",
        /// Another run waits for a repair; it is named.
        RepairRequired = "RepairRequired",
    }
}

/// Type of a failure that a later try may cure.
pub const TRANSIENT: &str = "TransientError";

/// Field of a failure's details that holds the word of whoever failed, such as `STORE_REJECTED`, beside the type.
pub const CAUSE: &str = "cause";

/// Type of the failure of a run that was cancelled before it wrote anything.
pub const CANCELLED: &str = "CreationCancelled";

/// Type of the failure of a run that an operator ended.
pub const ABANDONED: &str = "CreationAbandoned";

/// The final types as a retry policy wants them.
pub fn final_types() -> Vec<String> {
    FailureType::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
}
