-- A page of tenants, the newest first. $1 deployment, $2 product, $3 edition, $4 status, $5 pattern of a search, $6 and $7 the
-- last tenant of the page before (microseconds since 1970, id), $8 rows.
SELECT t.tenant_id, t.company_name, t.contact_email, t.edition, t.product_code, t.status,
  (extract(epoch FROM t.registered_at) * 1000000)::bigint AS registered_us,
  (extract(epoch FROM t.registered_at) * 1000)::bigint AS registered_ms,
  (extract(epoch FROM t.installed_at) * 1000)::bigint AS installed_ms,
  e.stripe_sub_id, e.tier, e.seats, e.active,
  (extract(epoch FROM a.checkin) * 1000)::bigint AS checkin_ms, coalesce(a.count, 0) AS appliance_count,
  coalesce(e.active AND e.transport = 'connected' AND a.live > 0, false) AS connected,
  (extract(epoch FROM c.consumed_at) * 1000)::bigint AS code_consumed_ms,
  (extract(epoch FROM c.revoked_at) * 1000)::bigint AS code_revoked_ms,
  (extract(epoch FROM c.expires_at) * 1000)::bigint AS code_expires_ms,
  (extract(epoch FROM now()) * 1000)::bigint AS now_ms
FROM tenant_registry t
LEFT JOIN LATERAL (
  SELECT stripe_sub_id, tier, seats, active, transport FROM entitlements
  WHERE tenant_id = t.tenant_id ORDER BY active DESC, created_at DESC, id LIMIT 1
) e ON true
LEFT JOIN LATERAL (
  SELECT count(*) AS count, count(*) FILTER (WHERE revoked_at IS NULL) AS live, max(last_checkin_at) AS checkin
  FROM appliances WHERE tenant_id = t.tenant_id
) a ON true
LEFT JOIN LATERAL (
  SELECT consumed_at, revoked_at, expires_at FROM claim_codes
  WHERE tenant_id = t.tenant_id ORDER BY created_at DESC, (revoked_at IS NULL) DESC, id LIMIT 1
) c ON true
WHERE ($1::text IS NULL OR t.deployment_type = $1)
  AND ($2::text IS NULL OR t.product_code = $2)
  AND ($3::text IS NULL OR t.edition = $3 OR ($3 = 'pro' AND t.edition = 'premium'))
  AND ($4::text IS NULL OR t.status = $4)
  AND ($5::text IS NULL OR t.company_name ILIKE $5 OR t.contact_email ILIKE $5
    OR t.tenant_id::text ILIKE substr($5, 2))
  AND ($6::bigint IS NULL OR (t.registered_at, t.tenant_id)
    < (timestamptz 'epoch' + make_interval(secs => $6 / 1000000) + $6 % 1000000 * interval '1 microsecond', $7::uuid))
ORDER BY t.registered_at DESC, t.tenant_id DESC LIMIT $8
