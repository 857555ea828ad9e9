-- Uses the code up. The predicate is the whole decision: the code is unused, unrevoked, unexpired, of this tenant, and of this
-- entitlement or of the time before it; the tenant and the entitlement, which this transaction holds, allow it; the key is
-- free. $1 code, $2 $3 hash and key id, $4 $5 the same under the previous key, $6 tenant, $7 entitlement, $8 tier, $9 seats,
-- $10 hash of the idempotency key.
UPDATE claim_codes c SET consumed_at = now()
WHERE c.id = $1 AND (c.code_hash, c.hash_key_id) IN (($2, $3), ($4, $5))
  AND c.consumed_at IS NULL AND c.revoked_at IS NULL AND c.expires_at > now()
  AND (c.entitlement_id IS NOT DISTINCT FROM $7 OR c.entitlement_id IS NULL AND c.tenant_id = $6)
  AND (c.tenant_id = $6 OR c.tenant_id IS NULL AND NOT EXISTS (
    SELECT FROM entitlements o WHERE o.tenant_id = $6 AND o.id IS DISTINCT FROM $7))
  AND EXISTS (SELECT FROM tenant_registry t WHERE t.tenant_id = $6 AND t.status NOT IN ('suspended', 'cancelled'))
  AND ($7 IS NULL OR EXISTS (
    SELECT FROM entitlements e WHERE e.id = $7 AND e.active AND e.tenant_id = $6 AND e.tier = $8
      AND e.seats IS NOT DISTINCT FROM $9))
  AND NOT EXISTS (SELECT FROM code_redemptions k WHERE k.key_hash = $10 AND k.replay_until > now())
