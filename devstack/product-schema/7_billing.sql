-- Sample copy. The product's own migrations are the authority. Products and prices are rows of the vendor's billing tenant;
-- customers and subscriptions are rows of each tenant.
CREATE TABLE stripe_products (
  tenant uuid NOT NULL REFERENCES tenants(tenant), stripe_product_id uuid NOT NULL DEFAULT gen_random_uuid(),
  stripe_product_external_id varchar(255) NOT NULL, billing_tenant uuid, name text NOT NULL, description text,
  product_type text NOT NULL, is_active boolean DEFAULT true, metadata jsonb,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, stripe_product_id));
CREATE TABLE stripe_prices (
  tenant uuid NOT NULL REFERENCES tenants(tenant), stripe_price_id uuid NOT NULL DEFAULT gen_random_uuid(),
  stripe_price_external_id varchar(255) NOT NULL, stripe_product_id uuid NOT NULL, unit_amount int NOT NULL,
  currency varchar(3) DEFAULT 'usd', billing_interval text DEFAULT 'month', interval_count int DEFAULT 1,
  is_active boolean DEFAULT true, metadata jsonb,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, stripe_price_id));

CREATE TABLE stripe_customers (
  tenant uuid NOT NULL REFERENCES tenants(tenant), stripe_customer_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  stripe_customer_external_id varchar(255) NOT NULL, billing_tenant uuid, email text NOT NULL, name text, metadata jsonb,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, stripe_customer_id), UNIQUE (tenant, stripe_customer_external_id));

-- Without stripe_subscription_item_id, as the product's migrations make it; a production database may have the column.
CREATE TABLE stripe_subscriptions (
  tenant uuid NOT NULL REFERENCES tenants(tenant), stripe_subscription_id uuid NOT NULL DEFAULT gen_random_uuid(),
  stripe_subscription_external_id varchar(255) NOT NULL, stripe_customer_id uuid NOT NULL, stripe_price_id uuid NOT NULL,
  quantity int NOT NULL DEFAULT 1, status varchar(50) DEFAULT 'active',
  current_period_start timestamptz, current_period_end timestamptz, canceled_at timestamptz,
  stripe_base_item_id text, stripe_base_price_id uuid, billing_interval text NOT NULL DEFAULT 'month', metadata jsonb,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, stripe_subscription_id), UNIQUE (tenant, stripe_subscription_external_id));

CREATE TABLE apple_iap_subscriptions (
  tenant uuid NOT NULL REFERENCES tenants(tenant), original_transaction_id varchar(255) NOT NULL,
  product_id text NOT NULL, bundle_id text NOT NULL, environment text NOT NULL, status text NOT NULL,
  app_account_token uuid, expires_at timestamptz, original_purchase_at timestamptz, latest_transaction_id varchar(255),
  latest_notification_type text, latest_notification_subtype text, latest_notification_at timestamptz,
  auto_renew_status boolean NOT NULL DEFAULT true, auto_renew_status_updated_at timestamptz,
  transition_stripe_subscription_external_id varchar(255),
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, original_transaction_id));
