-- Records of the portal-domain part. The product's tables are not touched: no trigger, index, column or foreign key.
-- Times come from the caller; none of these columns has a default of now().

-- Instants travel as Unix microseconds; a negative number stands for NULL. Exact: 2^53 microseconds reach into the year 2255.
CREATE FUNCTION tenantry.instant(us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN us >= 0 THEN timestamptz 'epoch' + us * interval '1 microsecond' END;
CREATE FUNCTION tenantry.micros(at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN isfinite(at) THEN (extract(epoch FROM at) * 1000000)::bigint ELSE -1 END;

-- Fencing tokens grow over all domains, so that any two claims of one host compare.
CREATE SEQUENCE tenantry.fence AS bigint;

-- Who may be served on a host. Closed claims stay: tokens and targets are never handed to anybody else.
CREATE TABLE tenantry.claims (
  claim_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  host text NOT NULL,
  canonical_host text NOT NULL,
  accepted_targets text[] NOT NULL,
  generation bigint NOT NULL CHECK (generation > 0),
  fence bigint NOT NULL,
  ownership_token text NOT NULL,
  own_target text NOT NULL,
  probe_nonce text NOT NULL,
  opened_at timestamptz NOT NULL,
  proven_at timestamptz,
  proof_method text,
  -- When the worker last read or wrote the row, and the `updated_at` that it saw or wrote then.
  row_seen_at timestamptz,
  row_version timestamptz,
  -- When the row was first found missing.
  row_gone_at timestamptz,
  fingerprint_sha256 text NOT NULL DEFAULT '',
  closed_at timestamptz,
  closed_reason text CHECK (closed_reason IN ('renamed', 'replaced', 'removed', 'vanished', 'expired', 'revoked')),
  CHECK ((closed_at IS NULL) = (closed_reason IS NULL)),
  CHECK ((proven_at IS NULL) = (proof_method IS NULL)));
CREATE UNIQUE INDEX claims_open_idx ON tenantry.claims (tenant, portal_domain_id) WHERE closed_at IS NULL;
CREATE INDEX claims_open_by_id_idx ON tenantry.claims (portal_domain_id) WHERE closed_at IS NULL;
CREATE INDEX claims_gone_idx ON tenantry.claims (row_gone_at) WHERE row_gone_at IS NOT NULL;
CREATE INDEX claims_host_idx ON tenantry.claims (host, tenant);

-- One row per generation of a tenant's domain: what it asked for, and which fence its writes carry.
CREATE TABLE tenantry.claim_generations (
  tenant uuid NOT NULL,
  generation bigint NOT NULL CHECK (generation > 0),
  portal_domain_id uuid NOT NULL,
  claim_id bigint NOT NULL REFERENCES tenantry.claims (claim_id),
  host text NOT NULL,
  canonical_host text NOT NULL,
  accepted_targets text[] NOT NULL,
  fence bigint NOT NULL UNIQUE,
  probe_nonce text NOT NULL,
  opened_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, generation));
CREATE INDEX claim_generations_canonical_idx ON tenantry.claim_generations (canonical_host);

-- The newest state of each axis; `body` is the whole AxisState message.
CREATE TABLE tenantry.observations (
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  axis text NOT NULL,
  generation bigint NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  body jsonb NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant, portal_domain_id, axis));

-- Every change of an axis' state, reason or generation.
CREATE TABLE tenantry.observation_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  axis text NOT NULL,
  generation bigint NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  body jsonb NOT NULL,
  at timestamptz NOT NULL);
CREATE INDEX observation_log_domain_idx ON tenantry.observation_log (tenant, portal_domain_id, id);

-- The objects of each generation, recorded before they exist; removal deletes what stands here and nothing else.
CREATE TABLE tenantry.inventory (
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  generation bigint NOT NULL,
  kind text NOT NULL,
  namespace text NOT NULL,
  name text NOT NULL,
  uid text NOT NULL DEFAULT '',
  host text NOT NULL,
  fence bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  removed_at timestamptz,
  PRIMARY KEY (tenant, portal_domain_id, generation, kind, namespace, name));
CREATE INDEX inventory_host_idx ON tenantry.inventory (host) WHERE removed_at IS NULL;

-- What happened to each domain, append-only: the worker's role may insert and read.
CREATE TABLE tenantry.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  at timestamptz NOT NULL,
  event text NOT NULL CHECK (event IN ('claimed', 'generation', 'status', 'removed')),
  host text NOT NULL,
  status text NOT NULL,
  reason text NOT NULL,
  message text NOT NULL,
  generation bigint NOT NULL,
  worker_build text NOT NULL);
CREATE INDEX history_domain_idx ON tenantry.history (tenant, portal_domain_id, id);

-- Tokens that the challenge responder answers on behalf of the preflight.
CREATE TABLE tenantry.preflight_tokens (
  token text PRIMARY KEY,
  host text NOT NULL,
  body text NOT NULL,
  expires_at timestamptz NOT NULL,
  idempotency_key text NOT NULL UNIQUE);
CREATE INDEX preflight_tokens_expiry_idx ON tenantry.preflight_tokens (expires_at);

-- Removed hosts. Until it is released, the name belongs to its last tenant and others need a proof of their own.
CREATE TABLE tenantry.tombstones (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant uuid NOT NULL,
  portal_domain_id uuid NOT NULL,
  host text NOT NULL,
  canonical_host text NOT NULL,
  own_target text NOT NULL,
  generation bigint NOT NULL,
  fence bigint NOT NULL,
  buried_at timestamptz NOT NULL,
  released_at timestamptz,
  released_reason text CHECK (released_reason IN ('returned', 'proven_by_other', 'left')),
  UNIQUE (tenant, portal_domain_id, host, generation));
CREATE INDEX tombstones_host_idx ON tenantry.tombstones (host) WHERE released_at IS NULL;

-- Times in which no removal runs, because too many rows vanished at once. At most one is open.
CREATE TABLE tenantry.removal_holds (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  began_at timestamptz NOT NULL,
  vanished bigint NOT NULL,
  fleet bigint NOT NULL,
  released_at timestamptz,
  released_by text,
  note text,
  CHECK ((released_at IS NULL) = (released_by IS NULL)),
  CHECK ((released_at IS NULL) = (note IS NULL)));
CREATE UNIQUE INDEX removal_holds_open_idx ON tenantry.removal_holds ((true)) WHERE released_at IS NULL;
