-- Sample copy. The product's own migrations are the authority.
CREATE TABLE tenants (  -- name and address are not unique
  tenant uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_name text NOT NULL, email text NOT NULL,
  phone_number text, industry text, tax_id_number varchar,
  payment_platform_id text, payment_method_id text, auth_service_id text, plan text,
  created_at timestamptz, updated_at timestamptz DEFAULT now(),
  licensed_user_count int, last_license_update timestamptz, stripe_event_id varchar(255),
  billing_source text NOT NULL DEFAULT 'stripe',
  product_code text DEFAULT 'psa' CHECK (product_code IN ('psa', 'algadesk') AND product_code IS NOT NULL),
  suspended_at timestamptz, suspended_reason text,
  CHECK ((suspended_at IS NULL AND suspended_reason IS NULL)
    OR (suspended_at IS NOT NULL AND suspended_reason IS NOT NULL AND suspended_reason = 'tenant_cancelled')));

CREATE TABLE users (  -- the address is not unique
  tenant uuid NOT NULL REFERENCES tenants(tenant), user_id uuid NOT NULL DEFAULT gen_random_uuid(),
  username text NOT NULL, email text NOT NULL, hashed_password text NOT NULL,
  first_name text, last_name text, icon text, auth_method text, two_factor_secret text, phone_extension text,
  date_of_birth date, rate bigint, phone varchar, timezone varchar,
  two_factor_enabled boolean DEFAULT false, is_google_user boolean DEFAULT false, is_inactive boolean DEFAULT false,
  needs_contact_association boolean DEFAULT false, two_factor_required_new_device boolean DEFAULT false,
  user_type text NOT NULL DEFAULT 'internal' CHECK (user_type IN ('internal', 'client')),
  contact_id uuid,  -- its foreign key comes with the table of contacts
  reports_to uuid, last_login_at timestamptz, last_login_method varchar(50), client_portal_entra_metadata jsonb,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, user_id, email), UNIQUE (tenant, user_id),
  FOREIGN KEY (tenant, reports_to) REFERENCES users(tenant, user_id));
