-- The schema itself and the list of migrations in it are dropped by the caller, after the last migration was undone.
DROP TABLE tenantry.removal_holds, tenantry.tombstones, tenantry.preflight_tokens, tenantry.history, tenantry.inventory,
  tenantry.observation_log, tenantry.observations, tenantry.claim_generations, tenantry.claims;
DROP SEQUENCE tenantry.fence;
DROP FUNCTION tenantry.micros(timestamptz);
DROP FUNCTION tenantry.instant(bigint);
