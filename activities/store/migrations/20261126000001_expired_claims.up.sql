-- The row of a claim that nobody proved goes 44 days after it was opened or resumed: its history says `expired`.
ALTER TABLE tenantry.history DROP CONSTRAINT history_event_check;
ALTER TABLE tenantry.history ADD CONSTRAINT history_event_check
  CHECK (event IN ('claimed', 'generation', 'status', 'removed', 'expired'));
