-- The row of a claim that nobody proved goes 44 days after it was opened or resumed: its history says `expired`.
ALTER TABLE tenantry.history DROP CONSTRAINT history_event_check;
ALTER TABLE tenantry.history ADD CONSTRAINT history_event_check
  CHECK (event IN ('claimed', 'generation', 'status', 'removed', 'expired'));

-- Exact for every instant: an interval is made of whole seconds and of microseconds, because a product with a large number
-- of microseconds loses the last digits.
CREATE OR REPLACE FUNCTION tenantry.instant(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN us >= 0 THEN timestamptz 'epoch' + (us / 1000000) * interval '1 second'
    + (us % 1000000) * interval '1 microsecond' END;
