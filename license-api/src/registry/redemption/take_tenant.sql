-- Locks the tenant and marks it installed; a status never moves backwards, and with a licence a tenant of essentials is one of
-- pro. $1 tenant, $2 hash of the idempotency key: requests with one key take turns, so that the second finds what the first
-- did. $3 whether a licence comes with it.
WITH turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(hashtextextended('tenantry redemption ' || encode($2, 'hex'), 0)) WHERE $2 IS NOT NULL
)
UPDATE tenant_registry t SET status = CASE t.status WHEN 'registered' THEN 'installed' ELSE t.status END,
  edition = CASE WHEN $3 AND t.edition = 'essentials' THEN 'pro' ELSE t.edition END,
  installed_at = now(), updated_at = now()
WHERE (SELECT count(*) FROM turn) >= 0 AND t.tenant_id = $1 AND t.status NOT IN ('suspended', 'cancelled')
