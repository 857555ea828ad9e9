-- The registry of tenants, entitlements, install codes and appliances (licensing contract, section 4).
-- No column holds a code, a credential or a licence in plain text.

CREATE TABLE tenant_registry (
    tenant_id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- The entity key of a registration: one submission is one tenant.
    submission_id      text UNIQUE CHECK (length(submission_id) BETWEEN 1 AND 128),
    edition            text NOT NULL CHECK (edition IN ('essentials', 'pro', 'premium')),
    product_code       text NOT NULL DEFAULT 'psa' CHECK (product_code IN ('psa', 'algadesk')),
    deployment_type    text NOT NULL DEFAULT 'appliance' CHECK (deployment_type IN ('appliance', 'hosted')),
    status             text NOT NULL DEFAULT 'registered'
                       CHECK (status IN ('registered', 'installed', 'active', 'suspended', 'cancelled')),
    company_name       text NOT NULL CHECK (company_name <> ''),
    contact_email      text NOT NULL CHECK (contact_email <> ''),
    contact_name       text,
    region             text,
    stripe_customer_id text,
    registered_at      timestamptz NOT NULL DEFAULT now(),
    installed_at       timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
-- Addresses are compared without case, and one address may have several tenants.
CREATE INDEX tenant_registry_email ON tenant_registry (lower(contact_email));
-- The console lists the newest first.
CREATE INDEX tenant_registry_newest ON tenant_registry (registered_at DESC, tenant_id DESC);

CREATE TABLE entitlements (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    stripe_sub_id  text NOT NULL UNIQUE CHECK (stripe_sub_id <> ''),
    tenant_id      uuid REFERENCES tenant_registry (tenant_id),
    customer       text NOT NULL CHECK (customer <> ''),
    tier           text NOT NULL CHECK (tier IN ('pro', 'premium')),
    -- NULL is unlimited.
    seats          integer CHECK (seats > 0),
    transport      text NOT NULL CHECK (transport IN ('connected', 'airgap')),
    active         boolean NOT NULL DEFAULT true,
    revoked_at     timestamptz,
    license_sub    text UNIQUE CHECK (license_sub <> ''),
    -- Of the licence that was signed last; the licence itself is signed again when it is needed.
    current_iat    bigint,
    current_exp    bigint,
    current_kid    text,
    -- SHA-256 over what the licence says, without its times.
    current_claims bytea CHECK (length(current_claims) = 32),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (active = (revoked_at IS NULL))
);
CREATE INDEX entitlements_tenant ON entitlements (tenant_id);

CREATE TABLE claim_codes (
    id             uuid PRIMARY KEY,
    -- HMAC-SHA-256 of the code, under a key that is not in this database.
    code_hash      bytea NOT NULL CHECK (length(code_hash) = 32),
    hash_key_id    text NOT NULL,
    -- The key that makes the code again from its id.
    mint_key_id    text NOT NULL,
    -- NULL: essentials.
    entitlement_id uuid REFERENCES entitlements (id),
    -- NULL: minted for an old subscription that has no tenant yet.
    tenant_id      uuid REFERENCES tenant_registry (tenant_id) ON DELETE CASCADE,
    -- Which route minted it. Reissues are counted.
    origin         text NOT NULL CHECK (origin IN ('registration', 'reissue', 'activation')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL,
    consumed_at    timestamptz,
    revoked_at     timestamptz,
    superseded_by  uuid REFERENCES claim_codes (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (code_hash, hash_key_id),
    CHECK (expires_at > created_at)
);
CREATE INDEX claim_codes_tenant ON claim_codes (tenant_id, created_at DESC);
CREATE INDEX claim_codes_entitlement ON claim_codes (entitlement_id);

CREATE TABLE appliances (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- As the appliance sent it. A label: only a code or a credential authorises.
    appliance_id    text NOT NULL CHECK (appliance_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'),
    tenant_id       uuid NOT NULL REFERENCES tenant_registry (tenant_id) ON DELETE CASCADE,
    entitlement_id  uuid NOT NULL REFERENCES entitlements (id),
    -- SHA-256 in hexadecimal. The credential has 256 random bits, so the hash needs no key.
    credential_hash char(64) NOT NULL UNIQUE CHECK (credential_hash ~ '^[0-9a-f]{64}$'),
    last_checkin_at timestamptz,
    revoked_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, appliance_id)
);
CREATE INDEX appliances_entitlement ON appliances (entitlement_id);

-- From where one credential is used. Two sources within a day raise an alert.
CREATE TABLE check_in_sources (
    appliance uuid NOT NULL REFERENCES appliances (id) ON DELETE CASCADE,
    source    text NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (appliance, source)
);
CREATE INDEX check_in_sources_seen ON check_in_sources (seen_at);

CREATE TABLE code_redemptions (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    claim_code_id  uuid NOT NULL UNIQUE REFERENCES claim_codes (id) ON DELETE CASCADE,
    -- SHA-256 of the idempotency key; NULL: there was none, so nothing is replayed.
    key_hash       bytea CHECK (length(key_hash) = 32),
    -- Keyed HMAC of the request, which holds a code.
    fingerprint    bytea NOT NULL CHECK (length(fingerprint) = 32),
    tenant_id      uuid NOT NULL REFERENCES tenant_registry (tenant_id) ON DELETE CASCADE,
    entitlement_id uuid REFERENCES entitlements (id),
    appliance      uuid REFERENCES appliances (id) ON DELETE SET NULL,
    status         smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    -- Authenticated encryption under a key that is not in this database. Erased at the first check-in or after replay_until.
    sealed_answer  text CHECK (sealed_answer LIKE 'sealed:%'),
    replay_until   timestamptz NOT NULL,
    redeemed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX code_redemptions_key ON code_redemptions (key_hash);
CREATE INDEX code_redemptions_appliance ON code_redemptions (appliance) WHERE sealed_answer IS NOT NULL;
CREATE INDEX code_redemptions_sweep ON code_redemptions (replay_until) WHERE sealed_answer IS NOT NULL;

CREATE TABLE idempotent_requests (
    route         text NOT NULL,
    -- Name of the service secret that asked; empty for an entity key, which all callers share.
    caller        text NOT NULL,
    -- SHA-256 of the key.
    key_hash      bytea NOT NULL CHECK (length(key_hash) = 32),
    -- SHA-256 of the request. No request here holds a secret.
    fingerprint   bytea NOT NULL CHECK (length(fingerprint) = 32),
    status        smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    -- What the answer is made of again: ids and times, never a secret.
    result        jsonb NOT NULL,
    -- The part of an answer that cannot be made again.
    sealed_answer text CHECK (sealed_answer LIKE 'sealed:%'),
    created_at    timestamptz NOT NULL DEFAULT now(),
    -- NULL: kept as long as what it refers to.
    replay_until  timestamptz,
    PRIMARY KEY (route, caller, key_hash)
);
CREATE INDEX idempotent_requests_sweep ON idempotent_requests (replay_until) WHERE replay_until IS NOT NULL;

-- Failed attempts to use a code or a credential, by window. `scope` says what `source` is: an address, a network, a
-- credential's appliance, or everything.
CREATE TABLE redeem_attempts (
    scope         text NOT NULL,
    source        text NOT NULL,
    window_start  timestamptz NOT NULL,
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    refusals      integer NOT NULL DEFAULT 0 CHECK (refusals >= 0),
    succeeded_at  timestamptz,
    PRIMARY KEY (scope, source, window_start)
);
CREATE INDEX redeem_attempts_window ON redeem_attempts (window_start);

-- Append only. Survives what it names, so nothing is referenced.
CREATE TABLE audit_log (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text NOT NULL,
    action    text NOT NULL,
    tenant_id uuid,
    -- A public reference: an id of a row or a subscription. Never a code, a credential or an address.
    reference text
);
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, at DESC);
CREATE INDEX audit_log_at ON audit_log (at);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

-- Events of the payment provider (section 12): received once, started once, done once.
CREATE TABLE billing_events (
    tenant            uuid NOT NULL,
    provider_type     text NOT NULL,
    external_event_id text NOT NULL,
    event_type        text NOT NULL,
    state             text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'started', 'done')),
    workflow_id       text,
    received_at       timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    done_at           timestamptz,
    PRIMARY KEY (tenant, provider_type, external_event_id)
);
