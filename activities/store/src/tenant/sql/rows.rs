//! Rows of one tenant in the product's tables.

use crate::sql::{Statement, statements};

statements! {
/// Statements on the rows of one tenant.
TENANT {
    /// Whether the tenant is there, and whether a creation with this id wrote it.
    FIND_OWN "prove whose tenant it is" = "
SELECT EXISTS (SELECT 1 FROM public.tenants t WHERE t.tenant = $1::uuid) AS tenant_exists,
       EXISTS (SELECT 1 FROM tenantry.creations c WHERE c.tenant = $1::uuid AND c.origin_id = $2::text) AS ours";

    /// Whether the tenant is there, and whether anything else of it is, in any table with tenants that may be read.
    TENANT_ROWS "look for rows of the tenant" = "
SELECT EXISTS (SELECT 1 FROM public.tenants t WHERE t.tenant = $1::uuid) AS tenant_exists,
       EXISTS (SELECT 1 FROM public.users u WHERE u.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.clients c WHERE c.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.roles r WHERE r.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.permissions p WHERE p.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.role_permissions h WHERE h.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.user_roles i WHERE i.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.statuses s WHERE s.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tax_regions x WHERE x.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tax_rates y WHERE y.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.asset_type_registry g WHERE g.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.client_locations l WHERE l.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.client_billing_profiles b WHERE b.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.contacts o WHERE o.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tag_definitions d WHERE d.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tag_mappings j WHERE j.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_settings e WHERE e.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_email_settings m WHERE m.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_companies n WHERE n.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_addons a WHERE a.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_notification_category_settings nc WHERE nc.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_notification_subtype_settings ns WHERE ns.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_internal_notification_category_settings ic WHERE ic.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.tenant_internal_notification_subtype_settings ix WHERE ix.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.portal_domains pd WHERE pd.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.stripe_products sp WHERE sp.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.stripe_prices sr WHERE sr.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.stripe_customers k WHERE k.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.stripe_subscriptions v WHERE v.tenant = $1::uuid)
    OR EXISTS (SELECT 1 FROM public.apple_iap_subscriptions w WHERE w.tenant = $1::uuid) AS others_exist";

    /// A new tenant.
    INSERT_TENANT "create the tenant" = "
INSERT INTO public.tenants (tenant, client_name, email, created_at, updated_at, billing_source, plan, product_code,
  licensed_user_count, last_license_update, stripe_event_id)
VALUES ($1::uuid, $2::text, $3::text, tenantry.instant($4::bigint), tenantry.instant($4::bigint), $5::text,
  nullif($6::text, ''), $7::text, $8::int, CASE WHEN $8::int IS NULL THEN NULL ELSE tenantry.instant($4::bigint) END, $9::text)";

    /// A tenant whose row somebody else wrote, and nothing else. Its id is never changed.
    ADOPT_TENANT "adopt the tenant" = "
UPDATE public.tenants SET client_name = $2::text, email = $3::text, updated_at = tenantry.instant($4::bigint),
  billing_source = $5::text, plan = nullif($6::text, ''), product_code = $7::text, licensed_user_count = $8::int,
  last_license_update = CASE WHEN $8::int IS NULL THEN NULL ELSE tenantry.instant($4::bigint) END, stripe_event_id = $9::text
WHERE tenant = $1::uuid";

    /// The tenant's own client.
    INSERT_CLIENT "create the client" = "
INSERT INTO public.clients (tenant, client_name, client_type, is_inactive, properties, created_at, updated_at)
VALUES ($1::uuid, $2::text, 'company', false, $3::jsonb, tenantry.instant($4::bigint), tenantry.instant($4::bigint))
RETURNING client_id";

    /// The default billing profile of a client.
    INSERT_BILLING_PROFILE "create the billing profile" = "
INSERT INTO public.client_billing_profiles (tenant, client_id, name, is_default, is_system_managed_default, created_at, updated_at)
VALUES ($1::uuid, $2::uuid, $3::text, true, true, tenantry.instant($4::bigint), tenantry.instant($4::bigint))";

    /// The main office. A country that is not in the list has the code and the name of an unknown one.
    INSERT_LOCATION "create the location" = "
INSERT INTO public.client_locations (location_id, tenant, client_id, location_name, email, phone, address_line1, address_line2,
  city, state_province, postal_code, country_code, country_name, is_default, is_active, created_at, updated_at)
SELECT gen_random_uuid(), $1::uuid, $2::uuid, 'Main Office', $3::text, $4::text, $5::text, nullif($6::text, ''), $7::text,
  nullif($8::text, ''), nullif($9::text, ''), coalesce(c.code, $11::text), coalesce(c.name, $12::text), true, true,
  tenantry.instant($13::bigint), tenantry.instant($13::bigint)
FROM (SELECT 1) AS one LEFT JOIN public.countries c ON c.code = $10::text";

    /// A price of the billing tenant by its external id, with its product.
    FIND_PRICE "look up the price" = "
SELECT r.stripe_price_id, d.name AS product_name FROM public.stripe_prices r
JOIN public.stripe_products d ON d.tenant = r.tenant AND d.stripe_product_id = r.stripe_product_id
WHERE r.tenant = $1::uuid AND r.stripe_price_external_id = $2::text LIMIT 1";

    /// The tenant's Stripe customer.
    INSERT_STRIPE_CUSTOMER "link the Stripe customer" = "
INSERT INTO public.stripe_customers (tenant, stripe_customer_external_id, billing_tenant, email, name, created_at, updated_at)
VALUES ($1::uuid, $2::text, $3::uuid, $4::text, $5::text, tenantry.instant($6::bigint), tenantry.instant($6::bigint))
RETURNING stripe_customer_id";

    /// The tenant's subscription; its first period is a month.
    INSERT_SUBSCRIPTION "link the subscription" = "
INSERT INTO public.stripe_subscriptions (tenant, stripe_subscription_external_id, stripe_customer_id, stripe_price_id, status,
  quantity, current_period_start, current_period_end, stripe_base_item_id, stripe_base_price_id, metadata, created_at, updated_at)
VALUES ($1::uuid, $2::text, $3::uuid, $4::uuid, 'active', $5::int, tenantry.instant($6::bigint),
  tenantry.instant($6::bigint) + interval '1 month', $7::text, $8::uuid, $9::jsonb, tenantry.instant($6::bigint),
  tenantry.instant($6::bigint))
RETURNING stripe_subscription_id";

    /// The tenant's Apple subscription.
    INSERT_APPLE "link the Apple subscription" = "
INSERT INTO public.apple_iap_subscriptions (tenant, original_transaction_id, product_id, bundle_id, environment, status,
  app_account_token, latest_transaction_id, expires_at, original_purchase_at, created_at, updated_at)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, 'active', nullif($6::text, '')::uuid, nullif($7::text, ''),
  nullif($8::text, '')::timestamptz, nullif($9::text, '')::timestamptz, tenantry.instant($10::bigint),
  tenantry.instant($10::bigint))";

    /// The tenant's add-ons.
    INSERT_ADDONS "write the add-ons" = "
INSERT INTO public.tenant_addons (tenant, addon_key, activated_at)
SELECT $1::uuid, k, tenantry.instant($3::bigint) FROM unnest($2::text[]) AS k ON CONFLICT (tenant, addon_key) DO NOTHING";

    /// Roles that are missing.
    INSERT_ROLES "write the roles" = "
INSERT INTO public.roles (tenant, role_name, description, msp, client)
SELECT $1::uuid, s.name, s.description, s.msp, NOT s.msp
FROM unnest($2::text[], $3::text[], $4::boolean[]) AS s (name, description, msp)
WHERE NOT EXISTS (SELECT 1 FROM public.roles r WHERE r.tenant = $1::uuid AND r.role_name = s.name AND r.msp = s.msp
  AND r.client = NOT s.msp)";

    /// Permissions that are missing.
    INSERT_PERMISSIONS "write the permissions" = "
INSERT INTO public.permissions (tenant, resource, action, msp, client)
SELECT $1::uuid, s.resource, s.action, s.msp, s.client
FROM unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[]) AS s (resource, action, msp, client)
WHERE NOT EXISTS (SELECT 1 FROM public.permissions p WHERE p.tenant = $1::uuid AND p.resource = s.resource
  AND p.action = s.action AND p.msp = s.msp AND p.client = s.client)";

    /// Ids of the roles that seeds may name.
    ROLE_IDS "read the roles" = "
SELECT role_id, role_name, msp FROM public.roles WHERE tenant = $1::uuid AND client = NOT msp";

    /// Ids of the permissions.
    PERMISSION_IDS "read the permissions" = "
SELECT permission_id, resource, action, msp, client FROM public.permissions WHERE tenant = $1::uuid";

    /// Grants that are missing.
    INSERT_GRANTS "write the grants" = "
INSERT INTO public.role_permissions (tenant, role_id, permission_id, created_at)
SELECT $1::uuid, g.role_id, g.permission_id, tenantry.instant($4::bigint)
FROM unnest($2::uuid[], $3::uuid[]) AS g (role_id, permission_id)
ON CONFLICT (tenant, role_id, permission_id) DO NOTHING";

    /// The default tax region.
    INSERT_TAX_REGION "write the tax region" = "
INSERT INTO public.tax_regions (tenant, region_code, region_name, is_active) VALUES ($1::uuid, $2::text, $3::text, true)
ON CONFLICT (tenant, region_code) DO NOTHING";

    /// Its rate, from today on.
    INSERT_TAX_RATE "write the tax rate" = "
INSERT INTO public.tax_rates (tax_rate_id, tenant, region_code, tax_percentage, description, start_date, is_active)
SELECT gen_random_uuid(), $1::uuid, $2::text, $3::int, $4::text, (tenantry.instant($5::bigint) AT TIME ZONE 'UTC')::date, true
WHERE NOT EXISTS (SELECT 1 FROM public.tax_rates r WHERE r.tenant = $1::uuid AND r.region_code = $2::text)";

    /// Statuses, where the tenant has none of the type.
    INSERT_STATUSES "write the statuses" = "
INSERT INTO public.statuses (tenant, status_type, item_type, name, order_number, is_default, is_closed, color, icon)
SELECT $1::uuid, $2::text, $2::text, s.name, s.order_number, s.is_default, s.is_closed, s.color, s.icon
FROM unnest($3::text[], $4::int[], $5::boolean[], $6::boolean[], $7::text[], $8::text[])
  AS s (name, order_number, is_default, is_closed, color, icon)
WHERE NOT EXISTS (SELECT 1 FROM public.statuses t WHERE t.tenant = $1::uuid AND t.status_type = $2::text)";

    /// Asset types that are missing.
    INSERT_ASSET_TYPES "write the asset types" = "
INSERT INTO public.asset_type_registry (tenant, slug, name, fields_schema, is_builtin, display_order)
SELECT $1::uuid, s.slug, s.name, '[]'::jsonb, true, s.display_order
FROM unnest($2::text[], $3::text[], $4::int[]) AS s (slug, name, display_order) ON CONFLICT (tenant, slug) DO NOTHING";

    /// The administrator; the address is the user name.
    INSERT_ADMIN "create the administrator" = "
INSERT INTO public.users (tenant, first_name, last_name, email, username, user_type, hashed_password, created_at, updated_at)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $4::text, 'internal', $5::text, tenantry.instant($6::bigint),
  tenantry.instant($6::bigint))
RETURNING user_id";

    /// The role of the first administrator.
    FIND_ADMIN_ROLE "look for the role" = "
SELECT r.role_id FROM public.roles r
WHERE r.tenant = $1::uuid AND r.role_name = 'Admin' AND r.msp AND NOT r.client ORDER BY r.role_id LIMIT 1";

    /// Gives a user a role.
    INSERT_USER_ROLE "give the role" = "
INSERT INTO public.user_roles (tenant, user_id, role_id, created_at)
VALUES ($1::uuid, $2::uuid, $3::uuid, tenantry.instant($4::bigint)) ON CONFLICT (tenant, user_id, role_id) DO NOTHING";

    /// Puts a password in force.
    SET_PASSWORD "put the password in force" = "
UPDATE public.users SET hashed_password = $3::text, updated_at = tenantry.instant($4::bigint)
WHERE tenant = $1::uuid AND user_id = $2::uuid AND user_type = 'internal'";

    /// An active internal administrator: the given user, else the oldest with the role.
    FIND_ADMINISTRATOR "look for the administrator" = "
SELECT u.user_id, u.email, coalesce(u.first_name, '') AS first_name, coalesce(u.last_name, '') AS last_name, t.client_name,
       coalesce(t.product_code, 'psa') AS product_code
FROM public.users u JOIN public.tenants t ON t.tenant = u.tenant
WHERE u.tenant = $1::uuid AND u.user_type = 'internal' AND NOT coalesce(u.is_inactive, false)
  AND ($2::uuid IS NULL OR u.user_id = $2::uuid)
  AND EXISTS (SELECT 1 FROM public.user_roles g JOIN public.roles r ON r.tenant = g.tenant AND r.role_id = g.role_id
    WHERE g.tenant = u.tenant AND g.user_id = u.user_id AND r.role_name = 'Admin' AND r.msp)
ORDER BY u.created_at, u.user_id LIMIT 1";

    /// The tenant's own mail settings, where it has none.
    INSERT_EMAIL_SETTINGS "write the mail settings" = "
INSERT INTO public.tenant_email_settings (tenant, email_provider, provider_configs, fallback_enabled, tracking_enabled,
  created_at, updated_at)
SELECT $1::uuid, $2::text, $3::jsonb, true, false, tenantry.instant($4::bigint), tenantry.instant($4::bigint)
WHERE NOT EXISTS (SELECT 1 FROM public.tenant_email_settings s WHERE s.tenant = $1::uuid)";

    /// The tenant's settings.
    INSERT_TENANT_SETTINGS "write the tenant's settings" = "
INSERT INTO public.tenant_settings (tenant, onboarding_completed, onboarding_skipped, created_at, updated_at)
VALUES ($1::uuid, false, false, tenantry.instant($2::bigint), tenantry.instant($2::bigint)) ON CONFLICT (tenant) DO NOTHING";

    /// The tenant's default client, where it has none.
    INSERT_TENANT_COMPANY "write the default client" = "
INSERT INTO public.tenant_companies (tenant, client_id, is_default, created_at, updated_at)
SELECT $1::uuid, $2::uuid, true, tenantry.instant($3::bigint), tenantry.instant($3::bigint)
WHERE NOT EXISTS (SELECT 1 FROM public.tenant_companies c WHERE c.tenant = $1::uuid AND c.is_default)
ON CONFLICT (tenant, client_id) DO NOTHING";

    /// Copies the mail categories.
    COPY_CATEGORIES "copy the categories" = "
INSERT INTO public.tenant_notification_category_settings (tenant, category_id, is_enabled, is_default_enabled, created_at, updated_at)
SELECT $1::uuid, c.id, c.is_enabled, c.is_default_enabled, tenantry.instant($2::bigint), tenantry.instant($2::bigint)
FROM public.notification_categories c ON CONFLICT (tenant, category_id) DO NOTHING";

    /// Copies the mail subtypes.
    COPY_SUBTYPES "copy the subtypes" = "
INSERT INTO public.tenant_notification_subtype_settings (tenant, subtype_id, is_enabled, is_default_enabled, created_at, updated_at)
SELECT $1::uuid, s.id, s.is_enabled, s.is_default_enabled, tenantry.instant($2::bigint), tenantry.instant($2::bigint)
FROM public.notification_subtypes s ON CONFLICT (tenant, subtype_id) DO NOTHING";

    /// Copies the categories of notices.
    COPY_INTERNAL_CATEGORIES "copy the notice categories" = "
INSERT INTO public.tenant_internal_notification_category_settings (tenant, category_id, is_enabled, is_default_enabled,
  created_at, updated_at)
SELECT $1::uuid, c.internal_notification_category_id, c.is_enabled, c.is_default_enabled, tenantry.instant($2::bigint),
  tenantry.instant($2::bigint)
FROM public.internal_notification_categories c ON CONFLICT (tenant, category_id) DO NOTHING";

    /// Copies the subtypes of notices, with their priority.
    COPY_INTERNAL_SUBTYPES "copy the notice subtypes" = "
INSERT INTO public.tenant_internal_notification_subtype_settings (tenant, subtype_id, is_enabled, is_default_enabled, priority,
  created_at, updated_at)
SELECT $1::uuid, s.internal_notification_subtype_id, s.is_enabled, s.is_default_enabled, s.default_priority,
  tenantry.instant($2::bigint), tenantry.instant($2::bigint)
FROM public.internal_notification_subtypes s ON CONFLICT (tenant, subtype_id) DO NOTHING";

    /// The vendor's client for a customer, under its name or, where that is taken, with a suffix.
    INSERT_CUSTOMER "create the customer's client" = "
INSERT INTO public.clients (tenant, client_name, client_type, is_inactive, url, properties, created_at, updated_at)
SELECT $1::uuid, CASE WHEN EXISTS (SELECT 1 FROM public.clients c WHERE c.tenant = $1::uuid AND c.client_name = $2::text)
  THEN $3::text ELSE $2::text END, 'company', false, '', $4::jsonb, tenantry.instant($5::bigint), tenantry.instant($5::bigint)
RETURNING client_id, client_name";

    /// The vendor's contact, where the address is none there yet.
    INSERT_CONTACT "create the customer's contact" = "
INSERT INTO public.contacts (tenant, client_id, full_name, email, role, is_inactive)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, 'Admin', false)
ON CONFLICT (tenant, email) DO NOTHING RETURNING contact_name_id";

    /// The tag's definition, where it is missing.
    INSERT_TAG "create the tag" = "
INSERT INTO public.tag_definitions (tenant, tag_text, tagged_type) VALUES ($1::uuid, $2::text, 'client')
ON CONFLICT (tenant, tag_text, tagged_type) DO NOTHING";

    /// The tag's definition.
    FIND_TAG "read the tag" = "
SELECT d.tag_id FROM public.tag_definitions d
WHERE d.tenant = $1::uuid AND d.tag_text = $2::text AND d.tagged_type = 'client'";

    /// Puts a tag on a client.
    INSERT_TAG_MAPPING "put the tag on the client" = "
INSERT INTO public.tag_mappings (tenant, tag_id, tagged_id, tagged_type)
VALUES ($1::uuid, $2::uuid, $3::uuid, 'client') ON CONFLICT (tenant, tag_id, tagged_id) DO NOTHING";

    /// A line of the vendor's audit log.
    INSERT_AUDIT "write the audit log" = "
INSERT INTO public.extension_audit_logs (tenant, event_type, user_id, user_email, resource_type, resource_id, workflow_id,
  status, error_message, details, created_at)
VALUES ($1::uuid, $2::text, $3::uuid, left($4::text, 255), 'user', $5::text, left($6::text, 255), $7::text, $8::text, $9::jsonb,
  tenantry.instant($10::bigint))";
}

/// Statements of installations with a column that others do not have.
OPTIONAL {
    /// The subscription's item.
    SET_ITEM "write the subscription's item" = "
UPDATE public.stripe_subscriptions SET stripe_subscription_item_id = $3::text
WHERE tenant = $1::uuid AND stripe_subscription_id = $2::uuid";
}
}
