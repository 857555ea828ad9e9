-- Sample copy, word for word as the portal-domain contract gives it (section 5).
CREATE TYPE portal_domain_status AS ENUM ('pending_dns','verifying_dns','dns_failed','pending_certificate',
  'certificate_issuing','certificate_failed','deploying','active','disabled');
CREATE TYPE portal_domain_verification_method AS ENUM ('cname');
CREATE TABLE portal_domains (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant uuid NOT NULL UNIQUE REFERENCES tenants(tenant) ON DELETE CASCADE,
  domain text NOT NULL, canonical_host text NOT NULL,
  status portal_domain_status NOT NULL DEFAULT 'pending_dns', status_message text, last_checked_at timestamptz DEFAULT now(),
  verification_method portal_domain_verification_method NOT NULL DEFAULT 'cname', verification_details jsonb NOT NULL DEFAULT '{}',
  certificate_secret_name text, last_synced_resource_version text,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
CREATE UNIQUE INDEX portal_domains_domain_unique_idx ON portal_domains (lower(domain));
CREATE UNIQUE INDEX portal_domains_canonical_unique_idx ON portal_domains (lower(canonical_host));
CREATE TABLE portal_domain_session_otts (  -- one-time sign-in tokens of the web application
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  portal_domain_id uuid NOT NULL REFERENCES portal_domains(id) ON DELETE CASCADE,
  user_id uuid NOT NULL, token_hash varchar(64) NOT NULL UNIQUE, expires_at timestamptz NOT NULL, consumed_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}', created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  FOREIGN KEY (tenant, user_id) REFERENCES users(tenant, user_id) ON DELETE CASCADE);
CREATE INDEX portal_domain_session_otts_domain_exp_idx ON portal_domain_session_otts (portal_domain_id, expires_at);
