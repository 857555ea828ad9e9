-- Whom a credential belongs to, and how often it was used: $1 its hash, $2 uses in a window, $3 seconds of the window, $4 buckets
-- of a window. Counted as in limits/reserve.sql; a credential that is unknown or revoked has no row to count in.
WITH found AS MATERIALIZED (
  SELECT a.id, a.appliance_id, a.tenant_id, a.revoked_at IS NOT NULL AS revoked, t.status, t.edition,
    e.id AS entitlement, e.customer, e.tier, e.seats, e.transport, e.license_sub, e.current_iat, e.current_exp,
    e.current_kid, e.current_claims, e.active AND coalesce(e.tenant_id = a.tenant_id, true) AS active
  FROM appliances a JOIN tenant_registry t ON t.tenant_id = a.tenant_id JOIN entitlements e ON e.id = a.entitlement_id
  WHERE a.credential_hash = $1
), bucket AS MATERIALIZED (
  SELECT date_bin(make_interval(secs => $3::int / $4::int), now(), 'epoch') AS start
  FROM (SELECT set_config('synchronous_commit', 'off', true)) quick
), past AS MATERIALIZED (
  SELECT coalesce(sum(a.refusals), 0)::int AS refusals, $2::int - coalesce(sum(a.failures), 0)::int AS room
  FROM bucket b CROSS JOIN found f LEFT JOIN redeem_attempts a
    ON a.scope = 'check_in' AND a.source = f.id::text AND a.window_start < b.start
    AND a.window_start >= b.start - make_interval(secs => $3::int)
), counted AS (
  INSERT INTO redeem_attempts AS a (scope, source, window_start, failures, refusals)
  SELECT 'check_in', f.id::text, b.start, (p.room > 0)::int, (p.room <= 0)::int
  FROM found f CROSS JOIN bucket b CROSS JOIN past p WHERE NOT f.revoked
  ON CONFLICT (scope, source, window_start) DO UPDATE SET
    failures = a.failures + (a.failures < (SELECT room FROM past))::int,
    refusals = CASE WHEN a.failures < (SELECT room FROM past) THEN 0 ELSE a.refusals + 1 END
  RETURNING refusals
)
SELECT f.*, c.refusals > 0 AS refused, p.refusals + c.refusals AS refusals
FROM found f CROSS JOIN past p LEFT JOIN counted c ON true
