-- The role of the web application (DB_USER_SERVER). Roles belong to the whole server, so it may exist already.
DO $$ BEGIN
  CREATE ROLE app_user LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app_user;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app_user;
