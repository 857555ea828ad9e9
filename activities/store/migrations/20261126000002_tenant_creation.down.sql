DROP TABLE tenantry.creation_log, tenantry.creations, tenantry.creation_claims, tenantry.activity_ledger;
