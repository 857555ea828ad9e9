-- The role of the web application (DB_USER_SERVER). Roles belong to the whole server, so it may exist already.
DO $$ BEGIN
  CREATE ROLE app_user LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, users, portal_domains, portal_domain_session_otts TO app_user;
