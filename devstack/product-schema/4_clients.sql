-- Sample copy. The product's own migrations are the authority.
CREATE TABLE clients (
  tenant uuid NOT NULL REFERENCES tenants(tenant), client_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  client_name text NOT NULL,
  url text, billing_type text, payment_terms text, preferred_payment_method text, invoice_delivery_method text, notes text,
  entra_tenant_id text, entra_primary_domain text, properties jsonb, credit_limit bigint,
  auto_invoice boolean DEFAULT false, is_inactive boolean DEFAULT false,
  client_type text NOT NULL DEFAULT 'company' CHECK (client_type IN ('company', 'individual')),
  is_tax_exempt boolean NOT NULL DEFAULT false, tax_exemption_certificate varchar, tax_id_number varchar,
  timezone varchar, billing_email varchar, region_code varchar,
  billing_cycle text NOT NULL DEFAULT 'monthly'
    CHECK (billing_cycle IN ('weekly', 'bi-weekly', 'monthly', 'quarterly', 'semi-annually', 'annually')),
  notes_document_id uuid, invoice_template_id uuid, billing_contact_id uuid, account_manager_id uuid, sla_policy_id uuid,
  inbound_ticket_defaults_id uuid, default_currency_code varchar(3) NOT NULL DEFAULT 'USD',
  lifecycle_status text NOT NULL DEFAULT 'active' CHECK (lifecycle_status IN ('prospect', 'active', 'former')),
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, client_id), UNIQUE (tenant, client_name));

CREATE TABLE client_locations (
  location_id uuid NOT NULL, tenant uuid NOT NULL REFERENCES tenants(tenant),
  client_id uuid NOT NULL REFERENCES clients(client_id) ON DELETE CASCADE,
  location_name varchar, address_line1 varchar NOT NULL, address_line2 varchar, address_line3 varchar,
  city varchar NOT NULL, state_province varchar, postal_code varchar,
  country_code varchar NOT NULL, country_name varchar NOT NULL, region_code varchar,
  phone varchar, fax varchar, email varchar, notes text, phone_extension text, fax_extension text,
  is_billing_address boolean DEFAULT false, is_shipping_address boolean DEFAULT false, is_default boolean DEFAULT false,
  is_active boolean DEFAULT true, default_billing_profile_id uuid,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (location_id, tenant));
CREATE UNIQUE INDEX client_locations_one_default_idx ON client_locations (tenant, client_id) WHERE is_default;

CREATE TABLE client_billing_profiles (
  tenant uuid NOT NULL REFERENCES tenants(tenant), billing_profile_id uuid NOT NULL DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL, name text NOT NULL,
  is_default boolean NOT NULL DEFAULT false, is_system_managed_default boolean NOT NULL DEFAULT false,
  bills_separately boolean NOT NULL DEFAULT false, is_active boolean NOT NULL DEFAULT true,
  created_by uuid, updated_by uuid, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, billing_profile_id));
CREATE UNIQUE INDEX client_billing_profiles_one_default_idx ON client_billing_profiles (tenant, client_id) WHERE is_default;

-- At commit a client has no profile, or a default one among them.
CREATE FUNCTION client_billing_profiles_have_a_default() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  touched RECORD;
BEGIN
  FOR touched IN  -- both, because an update may move a profile to another client
    SELECT OLD.tenant, OLD.client_id WHERE TG_OP <> 'INSERT'
    UNION SELECT NEW.tenant, NEW.client_id WHERE TG_OP <> 'DELETE'
  LOOP
    IF (SELECT NOT bool_or(is_default) FROM client_billing_profiles
        WHERE tenant = touched.tenant AND client_id = touched.client_id) THEN
      RAISE EXCEPTION 'a client with billing profiles has no default one' USING ERRCODE = 'check_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER client_billing_profiles_have_a_default
  AFTER INSERT OR UPDATE OR DELETE ON client_billing_profiles DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION client_billing_profiles_have_a_default();

CREATE TABLE contacts (
  tenant uuid NOT NULL REFERENCES tenants(tenant), contact_name_id uuid NOT NULL DEFAULT gen_random_uuid(),
  full_name text, email text, role text, notes text,
  is_inactive boolean DEFAULT false, is_client_admin boolean NOT NULL DEFAULT false, approver boolean,
  client_id uuid REFERENCES clients(client_id) ON DELETE CASCADE,
  PRIMARY KEY (tenant, contact_name_id), UNIQUE (tenant, email));
ALTER TABLE users ADD FOREIGN KEY (tenant, contact_id)
  REFERENCES contacts(tenant, contact_name_id) ON DELETE SET NULL (contact_id);

CREATE TABLE tag_definitions (
  tenant uuid NOT NULL REFERENCES tenants(tenant), tag_id uuid NOT NULL DEFAULT gen_random_uuid(),
  tag_text text NOT NULL, tagged_type text NOT NULL, background_color varchar(7), text_color varchar(7),
  PRIMARY KEY (tenant, tag_id), UNIQUE (tenant, tag_text, tagged_type));
CREATE TABLE tag_mappings (
  tenant uuid NOT NULL REFERENCES tenants(tenant), mapping_id uuid NOT NULL DEFAULT gen_random_uuid(),
  tag_id uuid NOT NULL, tagged_id uuid NOT NULL, tagged_type text NOT NULL, created_by uuid,
  PRIMARY KEY (tenant, mapping_id), UNIQUE (tenant, tag_id, tagged_id),
  FOREIGN KEY (tenant, created_by) REFERENCES users(tenant, user_id));
