-- Locks the entitlement, binds it, and stores what was signed, if it still is what was signed. $1 entitlement, $2 tenant,
-- $3 customer, $4 tier, $5 seats, $6 transport, $7 iat before, $8 subject, $9 iat, $10 exp, $11 key id, $12 digest.
UPDATE entitlements e SET tenant_id = $2, license_sub = $8, current_iat = $9, current_exp = $10, current_kid = $11,
  current_claims = $12, updated_at = now()
WHERE e.id = $1 AND e.active AND (e.tenant_id IS NULL OR e.tenant_id = $2)
  AND e.customer = $3 AND e.tier = $4 AND e.seats IS NOT DISTINCT FROM $5 AND e.transport = $6
  AND e.current_iat IS NOT DISTINCT FROM $7 AND (e.license_sub IS NULL OR e.license_sub = $8)
