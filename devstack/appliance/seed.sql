-- An appliance after its installation without a licence: its one tenant, and the row that the bootstrap job inserts. The
-- licence, the appliance's id and its credential come with `tenantry appliance redeem --installed`.
INSERT INTO tenants (tenant, client_name, email, created_at)
  VALUES ('5d1c0a9b-3e72-4f68-8b14-6a90c7d2e3f1', 'Birch MSP (sample appliance)', 'it@birch.example', now());
INSERT INTO license_state (edition_choice) VALUES ('ee');
