-- What a redemption leaves. $1 code, $2 tenant, $3 entitlement, $4 appliance id, $5 hash of the credential, $6 hash of the
-- idempotency key, $7 fingerprint, $8 sealed answer, $9 seconds until the answer is forgotten; $10 scopes, $11 sources, $12
-- buckets of the attempt, which is given back as release.sql does it; $13 the word of the audit log.
--
-- A known appliance gets the new entitlement and the new credential: what was sealed under the old credential goes, and so
-- do the sources that used it.
WITH appliance AS (
  INSERT INTO appliances (appliance_id, tenant_id, entitlement_id, credential_hash)
  SELECT $4, $2, $3, $5 WHERE $3 IS NOT NULL
  ON CONFLICT (tenant_id, appliance_id) DO UPDATE SET entitlement_id = excluded.entitlement_id,
    credential_hash = excluded.credential_hash, revoked_at = NULL
  RETURNING id
), older_answers AS (
  UPDATE code_redemptions r SET sealed_answer = NULL FROM appliance a
  WHERE r.appliance = a.id AND r.sealed_answer IS NOT NULL
), older_sources AS (
  DELETE FROM check_in_sources s USING appliance a WHERE s.appliance = a.id
), redemption AS (
  INSERT INTO code_redemptions (claim_code_id, key_hash, fingerprint, tenant_id, entitlement_id, appliance, status,
    sealed_answer, replay_until)
  VALUES ($1, $6, $7, $2, $3, (SELECT id FROM appliance), 200, $8, now() + make_interval(secs => $9))
), audited AS (
  INSERT INTO audit_log (actor, action, tenant_id, reference) VALUES ('code:' || $1::text, $13, $2, $1::text)
), given AS MATERIALIZED (
  SELECT scope, source, to_timestamp(bucket) AS window_start, rank
  FROM unnest($10::text[], $11::text[], $12::bigint[]) WITH ORDINALITY AS g (scope, source, bucket, rank)
), held AS MATERIALIZED (
  SELECT a.scope, a.source, a.window_start
  FROM given g JOIN redeem_attempts a USING (scope, source, window_start) ORDER BY g.rank FOR UPDATE OF a
)
UPDATE redeem_attempts a SET failures = greatest(a.failures - 1, 0),
  succeeded_at = CASE WHEN a.scope = 'source' THEN now() ELSE a.succeeded_at END
FROM held h WHERE a.scope = h.scope AND a.source = h.source AND a.window_start = h.window_start
