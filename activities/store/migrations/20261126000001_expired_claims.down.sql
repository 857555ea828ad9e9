UPDATE tenantry.history SET event = 'removed' WHERE event = 'expired';
ALTER TABLE tenantry.history DROP CONSTRAINT history_event_check;
ALTER TABLE tenantry.history ADD CONSTRAINT history_event_check
  CHECK (event IN ('claimed', 'generation', 'status', 'removed'));
