-- Sample copy. The product's own migrations are the authority.
CREATE TABLE tenant_settings (
  tenant uuid PRIMARY KEY REFERENCES tenants(tenant) ON DELETE CASCADE,
  onboarding_completed boolean DEFAULT false, onboarding_skipped boolean DEFAULT false, onboarding_completed_at timestamptz,
  onboarding_data jsonb, settings jsonb, ticket_display_settings jsonb,
  default_tax_source varchar(20) DEFAULT 'internal', allow_external_tax_override boolean DEFAULT false,
  tax_delegation_nudge_dismissed_at timestamptz,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());

CREATE TABLE tenant_email_settings (  -- one row per tenant is the writer's duty
  id serial PRIMARY KEY, tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  email_provider text DEFAULT 'smtp' CHECK (email_provider IN ('smtp', 'resend', 'hybrid', 'microsoft')),
  provider_configs json DEFAULT '[]', custom_domains json DEFAULT '[]',
  fallback_enabled boolean DEFAULT true, tracking_enabled boolean DEFAULT false, max_daily_emails int,
  default_from_domain varchar, ticketing_from_email varchar, ticketing_from_name varchar,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX tenant_email_settings_tenant_idx ON tenant_email_settings (tenant);

CREATE TABLE tenant_companies (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE, client_id uuid NOT NULL,
  is_default boolean NOT NULL DEFAULT false, deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, client_id),
  FOREIGN KEY (tenant, client_id) REFERENCES clients(tenant, client_id) ON DELETE CASCADE);
CREATE UNIQUE INDEX tenant_companies_one_default_idx ON tenant_companies (tenant) WHERE is_default;

CREATE TABLE tenant_addons (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE, addon_key text NOT NULL,
  activated_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz, metadata jsonb,
  PRIMARY KEY (tenant, addon_key));

CREATE TABLE tax_regions (
  tenant uuid NOT NULL REFERENCES tenants(tenant), region_code varchar NOT NULL, region_name varchar NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  PRIMARY KEY (tenant, region_code));
CREATE TABLE tax_rates (
  tax_rate_id uuid PRIMARY KEY, tenant uuid NOT NULL REFERENCES tenants(tenant),
  tax_percentage numeric(10,4) NOT NULL, description text, start_date date NOT NULL, end_date date,
  region_code varchar NOT NULL, is_active boolean DEFAULT true,
  tax_type varchar CHECK (tax_type IN ('VAT', 'GST', 'Sales Tax')),
  FOREIGN KEY (tenant, region_code) REFERENCES tax_regions(tenant, region_code));

CREATE TABLE statuses (
  tenant uuid NOT NULL REFERENCES tenants(tenant), status_id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text, status_type text, item_type text, order_number int NOT NULL,
  is_closed boolean, is_default boolean, is_custom boolean, color varchar(7), icon varchar(50),
  board_id uuid, standard_status_id uuid, created_by uuid,
  PRIMARY KEY (tenant, status_id));
CREATE UNIQUE INDEX statuses_name_idx ON statuses (tenant, status_type, name) WHERE status_type <> 'ticket';
CREATE UNIQUE INDEX statuses_order_idx ON statuses (tenant, status_type, order_number) WHERE status_type <> 'ticket';

CREATE TABLE asset_type_registry (
  tenant uuid NOT NULL REFERENCES tenants(tenant), type_id uuid NOT NULL DEFAULT gen_random_uuid(),
  slug text NOT NULL, name text NOT NULL, icon text, fields_schema jsonb NOT NULL, is_builtin boolean, display_order int,
  PRIMARY KEY (tenant, type_id), UNIQUE (tenant, slug));
CREATE TABLE document_default_folders (
  tenant uuid NOT NULL REFERENCES tenants(tenant), default_folder_id uuid NOT NULL DEFAULT gen_random_uuid(),
  entity_type text NOT NULL, folder_path text NOT NULL, folder_name text NOT NULL,
  is_client_visible boolean NOT NULL DEFAULT false, sort_order int,
  PRIMARY KEY (tenant, default_folder_id), UNIQUE (tenant, entity_type, folder_path));

CREATE TABLE extension_audit_logs (
  tenant uuid NOT NULL REFERENCES tenants(tenant), log_id uuid NOT NULL DEFAULT gen_random_uuid(),
  event_type varchar(100) NOT NULL, user_id uuid, user_email varchar(255),
  resource_type varchar(50), resource_id varchar(255), resource_name varchar(255), workflow_id varchar(255),
  status varchar(50), error_message text, details jsonb, ip_address varchar(45), user_agent text,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, log_id));

-- The licence of an appliance (licensing contract, section 4.7). No row means the hosted product, and so this copy has none.
CREATE TABLE license_state (
  id serial PRIMARY KEY, edition_choice text NOT NULL DEFAULT 'ce', trial_started_at timestamptz, license_token text,
  updated_at timestamptz NOT NULL DEFAULT now(), appliance_id text, check_in_url text, appliance_credential text,
  last_checkin_at timestamptz);
