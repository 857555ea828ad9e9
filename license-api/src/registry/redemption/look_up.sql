-- Everything that the decision about a code needs. $1 $2 hash and key id, $3 $4 the same under the previous key, $5 the tenant
-- that the request names, $6 hash of the idempotency key.
--
-- A code says which tenant it is for, and the registry what that tenant has (licensing contract, D3 and D4): an unused code of
-- the time before the tenant had a subscription is redeemed for the subscription, an active one first.
SELECT c.id AS code, c.tenant_id AS code_tenant,
  CASE WHEN c.consumed_at IS NOT NULL THEN 'consumed' WHEN c.revoked_at IS NOT NULL THEN 'revoked'
    WHEN c.expires_at <= now() THEN 'expired' ELSE 'live' END AS state,
  t.tenant_id, t.status, t.edition, t.company_name, t.contact_email,
  EXISTS (SELECT FROM entitlements o WHERE o.tenant_id = t.tenant_id AND o.id IS DISTINCT FROM c.entitlement_id)
    AS has_other_entitlement,
  e.id AS entitlement, e.tenant_id AS entitlement_tenant, e.customer, e.tier, e.seats, e.transport, e.active, e.license_sub,
  e.current_iat,
  r.key_hash, r.fingerprint, r.sealed_answer, coalesce(r.replay_until > now(), false) AS replayable,
  a.revoked_at IS NOT NULL AS appliance_revoked,
  EXISTS (SELECT FROM code_redemptions k WHERE k.key_hash = $6 AND k.claim_code_id <> c.id AND k.replay_until > now())
    AS key_elsewhere
FROM claim_codes c
LEFT JOIN code_redemptions r ON r.claim_code_id = c.id
LEFT JOIN tenant_registry t ON t.tenant_id = coalesce(c.tenant_id, r.tenant_id, $5)
LEFT JOIN LATERAL (
  SELECT b.id FROM entitlements b WHERE c.entitlement_id IS NULL AND c.consumed_at IS NULL AND b.tenant_id = c.tenant_id
  ORDER BY b.active DESC, b.created_at DESC, b.id LIMIT 1
) bought ON true
LEFT JOIN entitlements e ON e.id = coalesce(c.entitlement_id, r.entitlement_id, bought.id)
LEFT JOIN appliances a ON a.id = r.appliance
WHERE (c.code_hash, c.hash_key_id) IN (($1, $2), ($3, $4))
