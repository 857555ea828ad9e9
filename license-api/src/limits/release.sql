-- Gives attempts back: $1 scopes, $2 sources, $3 buckets in unix seconds, from the narrowest to the widest; $4 whether the
-- source succeeded, which is remembered. There is room again, so the next refusal is the first in its row.
WITH given AS MATERIALIZED (
  SELECT scope, source, to_timestamp(bucket) AS window_start, rank
  FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS g (scope, source, bucket, rank)
), held AS MATERIALIZED (
  SELECT a.scope, a.source, a.window_start
  FROM given g JOIN redeem_attempts a USING (scope, source, window_start) ORDER BY g.rank FOR UPDATE OF a
)
UPDATE redeem_attempts a SET failures = greatest(a.failures - 1, 0), refusals = 0,
  succeeded_at = CASE WHEN $4 AND a.scope = 'source' THEN now() ELSE a.succeeded_at END
FROM held h WHERE a.scope = h.scope AND a.source = h.source AND a.window_start = h.window_start
