CREATE OR REPLACE FUNCTION tenantry.instant(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN us >= 0 THEN timestamptz 'epoch' + us * interval '1 microsecond' END;
UPDATE tenantry.history SET event = 'removed' WHERE event = 'expired';
ALTER TABLE tenantry.history DROP CONSTRAINT history_event_check;
ALTER TABLE tenantry.history ADD CONSTRAINT history_event_check
  CHECK (event IN ('claimed', 'generation', 'status', 'removed'));
