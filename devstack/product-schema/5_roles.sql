-- Sample copy. The product's own migrations are the authority.
CREATE TABLE roles (  -- the name is not unique
  tenant uuid NOT NULL REFERENCES tenants(tenant), role_id uuid NOT NULL DEFAULT gen_random_uuid(),
  role_name text NOT NULL, description text, msp boolean NOT NULL DEFAULT true, client boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant, role_id));
CREATE TABLE permissions (  -- resource and action are not unique
  tenant uuid NOT NULL REFERENCES tenants(tenant), permission_id uuid NOT NULL DEFAULT gen_random_uuid(),
  resource text NOT NULL, action text NOT NULL,
  msp boolean NOT NULL DEFAULT true, client boolean NOT NULL DEFAULT false, description text,
  PRIMARY KEY (tenant, permission_id));
CREATE TABLE role_permissions (
  tenant uuid NOT NULL REFERENCES tenants(tenant), role_id uuid NOT NULL, permission_id uuid NOT NULL,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, role_id, permission_id),
  FOREIGN KEY (tenant, role_id) REFERENCES roles(tenant, role_id),
  FOREIGN KEY (tenant, permission_id) REFERENCES permissions(tenant, permission_id));
CREATE TABLE user_roles (
  tenant uuid NOT NULL REFERENCES tenants(tenant), user_id uuid NOT NULL, role_id uuid NOT NULL,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, user_id, role_id),
  FOREIGN KEY (tenant, user_id) REFERENCES users(tenant, user_id),
  FOREIGN KEY (tenant, role_id) REFERENCES roles(tenant, role_id));
