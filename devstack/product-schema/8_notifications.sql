-- Sample copy. The product's own migrations are the authority. Names of the global rows are samples; their numbers are those
-- of the product: 15 categories, 55 subtypes, 11 internal categories, 48 internal subtypes.
CREATE TABLE notification_categories (
  id serial PRIMARY KEY, name text NOT NULL UNIQUE, description text,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true);
CREATE TABLE notification_subtypes (
  id serial PRIMARY KEY, category_id int NOT NULL REFERENCES notification_categories(id), name text NOT NULL,
  description text, is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  UNIQUE (category_id, name));
CREATE TABLE internal_notification_categories (
  internal_notification_category_id serial PRIMARY KEY, name text NOT NULL UNIQUE, description text,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  available_for_client_portal boolean NOT NULL DEFAULT false);
CREATE TABLE internal_notification_subtypes (
  internal_notification_subtype_id serial PRIMARY KEY,
  internal_category_id int NOT NULL REFERENCES internal_notification_categories(internal_notification_category_id),
  name text NOT NULL, description text,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  available_for_client_portal boolean NOT NULL DEFAULT false, default_priority text DEFAULT 'normal',
  UNIQUE (internal_category_id, name));

CREATE TABLE tenant_notification_category_settings (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  tenant_notification_category_setting_id uuid NOT NULL DEFAULT gen_random_uuid(),
  category_id int NOT NULL REFERENCES notification_categories(id) ON DELETE CASCADE,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, tenant_notification_category_setting_id), UNIQUE (tenant, category_id));
CREATE TABLE tenant_notification_subtype_settings (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  tenant_notification_subtype_setting_id uuid NOT NULL DEFAULT gen_random_uuid(),
  subtype_id int NOT NULL REFERENCES notification_subtypes(id) ON DELETE CASCADE,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, tenant_notification_subtype_setting_id), UNIQUE (tenant, subtype_id));
CREATE TABLE tenant_internal_notification_category_settings (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  tenant_internal_notification_category_setting_id uuid NOT NULL DEFAULT gen_random_uuid(),
  category_id int NOT NULL
    REFERENCES internal_notification_categories(internal_notification_category_id) ON DELETE CASCADE,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, tenant_internal_notification_category_setting_id), UNIQUE (tenant, category_id));
CREATE TABLE tenant_internal_notification_subtype_settings (
  tenant uuid NOT NULL REFERENCES tenants(tenant) ON DELETE CASCADE,
  tenant_internal_notification_subtype_setting_id uuid NOT NULL DEFAULT gen_random_uuid(),
  subtype_id int NOT NULL
    REFERENCES internal_notification_subtypes(internal_notification_subtype_id) ON DELETE CASCADE,
  is_enabled boolean NOT NULL DEFAULT true, is_default_enabled boolean NOT NULL DEFAULT true,
  priority text CHECK (priority IN ('high', 'normal', 'low')),
  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant, tenant_internal_notification_subtype_setting_id), UNIQUE (tenant, subtype_id));

-- A category and its subtypes a line. Some are switched off, so that a copy which forgets a column is seen.
WITH sample(category, subtypes) AS (VALUES
  ('Tickets', 'Ticket Created, Ticket Updated, Ticket Closed, Ticket Assigned, Ticket Comment Added, Ticket Team Assigned'),
  ('Invoices', 'Invoice Generated, Invoice Sent, Invoice Overdue, Payment Received, Payment Failed'),
  ('Projects', 'Project Created, Project Updated, Project Closed, Project Assigned, Project Task Assigned'),
  ('Time Entries', 'Time Entry Submitted, Time Entry Approved, Time Entry Rejected, Time Sheet Reminder'),
  ('Contracts', 'Contract Created, Contract Signed, Contract Expiring, Contract Ended'),
  ('Assets', 'Asset Assigned, Asset Warranty Expiring, Asset Maintenance Due, Asset Retired'),
  ('Quotes', 'Quote Sent, Quote Accepted, Quote Rejected, Quote Expiring'),
  ('Schedule', 'Appointment Requested, Appointment Approved, Appointment Declined, Appointment Reminder'),
  ('SLA', 'SLA Warning, SLA Breach, SLA Response Met, SLA Escalation'),
  ('Surveys', 'Survey Invitation, Survey Answered, Survey Negative Answer'),
  ('Documents', 'Document Shared, Document Signed, Document Expiring'),
  ('Users', 'User Invited, Password Reset, Sign-In From New Device'),
  ('Credits', 'Credit Issued, Credit Expiring, Credit Expired'),
  ('Opportunities', 'Opportunity Stale, Opportunity Won'),
  ('System', 'Maintenance Announced')),
categories AS (
  INSERT INTO notification_categories (name, description, is_default_enabled)
    SELECT category, 'Mails about ' || lower(category), category <> 'Surveys' FROM sample RETURNING id, name)
INSERT INTO notification_subtypes (category_id, name, description, is_enabled, is_default_enabled)
  SELECT id, subtype, 'Mail: ' || lower(subtype), subtype <> 'Asset Retired', subtype <> 'Credit Expiring'
  FROM sample JOIN categories ON name = category, string_to_table(subtypes, ', ') AS subtype;

WITH sample(category, in_portal, subtypes) AS (VALUES
  ('tickets', true, 'ticket-assigned ticket-created ticket-updated ticket-closed ticket-comment ticket-reopened '
    'ticket-merged ticket-watcher-added'),
  ('projects', true, 'project-assigned project-created project-updated task-assigned task-completed task-comment'),
  ('invoices', true, 'invoice-generated invoice-sent payment-received payment-overdue'),
  ('messages', true, 'message-sent user-mentioned reply-received channel-joined'),
  ('appointments', true, 'appointment-requested appointment-approved appointment-declined appointment-moved '
    'appointment-cancelled'),
  ('system', false, 'announcement maintenance integration-failed import-finished'),
  ('sla', false, 'sla-warning sla-breach sla-paused sla-escalation'),
  ('documents', true, 'document-shared document-updated document-signed document-expiring'),
  ('assets', false, 'asset-assigned asset-alert warranty-expiring'),
  ('contracts', false, 'contract-created contract-expiring contract-ended'),
  ('opportunities', false, 'opportunity-stale opportunity-escalated renewal-suggested')),
categories AS (
  INSERT INTO internal_notification_categories (name, description, available_for_client_portal, is_default_enabled)
    SELECT category, 'Notices about ' || category, in_portal, category <> 'opportunities'
    FROM sample RETURNING internal_notification_category_id AS id, name)
INSERT INTO internal_notification_subtypes
  (internal_category_id, name, description, available_for_client_portal, is_enabled, default_priority)
  SELECT id, subtype, 'Notice: ' || subtype, in_portal, subtype <> 'sla-paused',
    CASE WHEN subtype LIKE 'sla-%' THEN 'high' WHEN category = 'opportunities' THEN 'low' ELSE 'normal' END
  FROM sample JOIN categories ON name = category, string_to_table(subtypes, ' ') AS subtype;
