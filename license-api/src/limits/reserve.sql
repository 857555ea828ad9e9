-- Counts an attempt of a source, its network, its region and all sources together, or says which of them has none left.
-- $1 source, $2 network, $3 region, $4 shard of the total; the rest are the budgets.
--
-- Each level adds to its bucket of now as long as that bucket and those before it in the window leave room. A level is
-- asked when the one before it had room: `refusals` of its bucket is 0 exactly then, because counting sets it to 0. Rows are
-- locked from the narrowest to the widest, here and in release.sql, so that no two statements wait for each other.
WITH quick AS MATERIALIZED (
  -- Counters that a crash of the server may lose are not worth a wait for its disk.
  SELECT set_config('synchronous_commit', 'off', true)
), budget AS MATERIALIZED (
  SELECT $5::int AS source, $6::int AS source_seconds, $7::int AS strict, $8::int AS strict_seconds,
    $9::int AS network, $10::int AS network_seconds, $11::int AS region, $12::int AS region_seconds,
    $13::int AS alert, $14::int AS total_seconds, $15::int AS cap, $16::int AS parts
), bucket AS MATERIALIZED (
  SELECT date_bin(make_interval(secs => b.source_seconds / b.parts), now(), 'epoch') AS source,
    date_bin(make_interval(secs => b.network_seconds / b.parts), now(), 'epoch') AS network,
    date_bin(make_interval(secs => b.region_seconds / b.parts), now(), 'epoch') AS region,
    date_bin(make_interval(secs => b.total_seconds / b.parts), now(), 'epoch') AS total
  FROM budget b CROSS JOIN quick
), everything AS MATERIALIZED (
  SELECT coalesce(sum(a.failures), 0)::bigint AS failures, coalesce(sum(a.failures), 0) > min(b.alert) AS strict
  FROM budget b CROSS JOIN bucket t LEFT JOIN redeem_attempts a
    ON a.scope = 'total' AND a.window_start >= t.total - make_interval(secs => b.total_seconds)
), source_past AS MATERIALIZED (
  SELECT coalesce(sum(a.failures), 0)::int AS failures, coalesce(sum(a.refusals), 0)::int AS refusals,
    CASE WHEN e.strict THEN b.strict ELSE b.source END - coalesce(sum(a.failures), 0)::int AS room
  FROM budget b CROSS JOIN bucket t CROSS JOIN everything e LEFT JOIN redeem_attempts a
    ON a.scope = 'source' AND a.source = $1 AND a.window_start < t.source AND a.window_start >= t.source
      - make_interval(secs => CASE WHEN e.strict THEN b.strict_seconds ELSE b.source_seconds END)
  WHERE e.failures < b.cap OR EXISTS (
    SELECT FROM redeem_attempts s WHERE s.scope = 'source' AND s.source = $1 AND s.succeeded_at IS NOT NULL)
  GROUP BY e.strict, b.strict, b.source
), source_now AS (
  INSERT INTO redeem_attempts AS a (scope, source, window_start, failures, refusals)
  SELECT 'source', $1, t.source, (p.room > 0)::int, (p.room <= 0)::int FROM source_past p CROSS JOIN bucket t
  ON CONFLICT (scope, source, window_start) DO UPDATE SET
    failures = a.failures + (a.failures < (SELECT room FROM source_past))::int,
    refusals = CASE WHEN a.failures < (SELECT room FROM source_past) THEN 0 ELSE a.refusals + 1 END
  RETURNING failures, refusals
), network_past AS MATERIALIZED (
  SELECT coalesce(sum(a.failures), 0)::int AS failures, coalesce(sum(a.refusals), 0)::int AS refusals,
    b.network - coalesce(sum(a.failures), 0)::int AS room
  FROM budget b CROSS JOIN bucket t LEFT JOIN redeem_attempts a
    ON a.scope = 'network' AND a.source = $2 AND a.window_start < t.network
    AND a.window_start >= t.network - make_interval(secs => b.network_seconds)
  GROUP BY b.network
), network_now AS (
  INSERT INTO redeem_attempts AS a (scope, source, window_start, failures, refusals)
  SELECT 'network', $2, t.network, (p.room > 0)::int, (p.room <= 0)::int
  FROM source_now s CROSS JOIN network_past p CROSS JOIN bucket t WHERE s.refusals = 0
  ON CONFLICT (scope, source, window_start) DO UPDATE SET
    failures = a.failures + (a.failures < (SELECT room FROM network_past))::int,
    refusals = CASE WHEN a.failures < (SELECT room FROM network_past) THEN 0 ELSE a.refusals + 1 END
  RETURNING failures, refusals
), region_past AS MATERIALIZED (
  SELECT coalesce(sum(a.failures), 0)::int AS failures, coalesce(sum(a.refusals), 0)::int AS refusals,
    b.region - coalesce(sum(a.failures), 0)::int AS room
  FROM budget b CROSS JOIN bucket t LEFT JOIN redeem_attempts a
    ON a.scope = 'region' AND a.source = $3 AND a.window_start < t.region
    AND a.window_start >= t.region - make_interval(secs => b.region_seconds)
  GROUP BY b.region
), region_now AS (
  INSERT INTO redeem_attempts AS a (scope, source, window_start, failures, refusals)
  SELECT 'region', $3, t.region, (p.room > 0)::int, (p.room <= 0)::int
  FROM network_now n CROSS JOIN region_past p CROSS JOIN bucket t WHERE n.refusals = 0
  ON CONFLICT (scope, source, window_start) DO UPDATE SET
    failures = a.failures + (a.failures < (SELECT room FROM region_past))::int,
    refusals = CASE WHEN a.failures < (SELECT room FROM region_past) THEN 0 ELSE a.refusals + 1 END
  RETURNING failures, refusals
), total_now AS (
  INSERT INTO redeem_attempts AS a (scope, source, window_start, failures)
  SELECT 'total', $4, t.total, 1 FROM region_now r CROSS JOIN bucket t WHERE r.refusals = 0
  ON CONFLICT (scope, source, window_start) DO UPDATE SET failures = a.failures + 1
)
SELECT e.failures AS total,
  extract(epoch FROM t.source)::bigint AS source_bucket, extract(epoch FROM t.network)::bigint AS network_bucket,
  extract(epoch FROM t.region)::bigint AS region_bucket, extract(epoch FROM t.total)::bigint AS total_bucket,
  s.refusals > 0 AS source_refused, sp.failures + s.failures AS source_attempts, sp.refusals + s.refusals AS source_refusals,
  n.refusals > 0 AS network_refused, np.failures + n.failures AS network_attempts, np.refusals + n.refusals AS network_refusals,
  r.refusals > 0 AS region_refused, rp.failures + r.failures AS region_attempts, rp.refusals + r.refusals AS region_refusals
FROM bucket t CROSS JOIN everything e
LEFT JOIN source_past sp ON true LEFT JOIN source_now s ON true
LEFT JOIN network_past np ON true LEFT JOIN network_now n ON true
LEFT JOIN region_past rp ON true LEFT JOIN region_now r ON true
