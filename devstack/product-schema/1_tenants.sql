-- Sample copy. The product's own migrations are the authority.
CREATE TABLE tenants (
  tenant uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_name text NOT NULL, email text NOT NULL,
  phone_number text, industry text, tax_id_number varchar,
  payment_platform_id text, payment_method_id text, auth_service_id text, plan text,
  created_at timestamptz, updated_at timestamptz DEFAULT now(),
  licensed_user_count int, last_license_update timestamptz, stripe_event_id varchar(255),
  billing_source text NOT NULL DEFAULT 'stripe',
  product_code text DEFAULT 'psa' CHECK (product_code IN ('psa', 'algadesk') AND product_code IS NOT NULL),
  suspended_at timestamptz, suspended_reason text);

CREATE TABLE users (
  tenant uuid NOT NULL REFERENCES tenants(tenant), user_id uuid NOT NULL DEFAULT gen_random_uuid(),
  username text NOT NULL, email text NOT NULL, hashed_password text NOT NULL,
  first_name text, last_name text, user_type text NOT NULL DEFAULT 'internal' CHECK (user_type IN ('internal', 'client')),
  is_inactive boolean DEFAULT false, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, user_id, email), UNIQUE (tenant, user_id));
