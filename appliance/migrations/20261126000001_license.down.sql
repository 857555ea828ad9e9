DROP TABLE tenantry.license_keyset;
DROP TABLE tenantry.license_clock;
DROP TABLE tenantry.license_redemption;
