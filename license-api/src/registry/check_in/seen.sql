-- Notes a check-in: $1 appliance, $2 hash of its credential, $3 source, $4 what changed, for the audit log. The answer of the
-- redemption is not needed any more, because the appliance has what was in it. Tells whether the credential still is the
-- appliance's, and from how many other sources it was used within a day.
WITH seen AS (
  UPDATE appliances SET last_checkin_at = now()
  WHERE id = $1 AND credential_hash = $2 AND revoked_at IS NULL RETURNING id, tenant_id
), answers AS (
  UPDATE code_redemptions r SET sealed_answer = NULL FROM seen s WHERE r.appliance = s.id AND r.sealed_answer IS NOT NULL
), source AS (
  INSERT INTO check_in_sources (appliance, source, seen_at) SELECT id, $3, now() FROM seen
  ON CONFLICT (appliance, source) DO UPDATE SET seen_at = now()
), audited AS (
  INSERT INTO audit_log (actor, action, tenant_id, reference)
  SELECT 'appliance:' || s.id::text, action, s.tenant_id, s.id::text FROM seen s CROSS JOIN unnest($4::text[]) AS action
)
SELECT (SELECT count(*) FROM seen) AS seen, count(*) AS others FROM check_in_sources
WHERE appliance = $1 AND source <> $3 AND seen_at > now() - interval '1 day'
