//! Looks over all tenants.

use crate::sql::{Statement, statements};

statements! {
/// Statements that look over all tenants.
ACROSS {
    /// The tenant that a subscription is linked to.
    SUBSCRIPTION_TENANT "look for the subscription" = "
SELECT s.tenant FROM public.stripe_subscriptions s
WHERE s.stripe_subscription_external_id = $1::text AND s.tenant <> $2::uuid LIMIT 1";

    /// The tenant that an Apple transaction belongs to.
    APPLE_TENANT "look for the Apple transaction" = "
SELECT a.tenant FROM public.apple_iap_subscriptions a
WHERE a.original_transaction_id = $1::text AND a.tenant <> $2::uuid LIMIT 1";

    /// Addresses of internal users that may be this one: those that are it in lower case, and all that hold more than ASCII, since
    /// what `lower()` makes of those depends on the database's collation.
    ADDRESS_CANDIDATES "look for the address" = "
SELECT u.email FROM public.users u WHERE u.user_type = 'internal'
  AND (lower(u.email) = $1::text OR octet_length(u.email) <> char_length(u.email))
  AND ($2::uuid IS NULL OR u.user_id <> $2::uuid)";

    /// Whether this installation has a column for the subscription's item.
    HAS_ITEM_COLUMN "look for the item's column" = "
SELECT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_schema = 'public'
  AND table_name = 'stripe_subscriptions' AND column_name = 'stripe_subscription_item_id') AS there";
}
}
