-- Records of tenant provisioning. The product's tables are not touched. Times come from the caller.

-- What each step has done: written in the transaction of the step itself, so a repeat finds it or nothing has happened.
CREATE TABLE tenantry.activity_ledger (
  -- <origin id>/<activity>[/<part>]
  key text PRIMARY KEY,
  origin_id text NOT NULL,
  activity text NOT NULL,
  tenant uuid,
  -- SHA-256 of the input without times, proposed ids and secrets.
  input_digest bytea NOT NULL,
  result jsonb NOT NULL,
  -- A credential on its way, encrypted; NULL as soon as it is delivered.
  sealed text,
  recorded_at timestamptz NOT NULL);
CREATE INDEX activity_ledger_origin_idx ON tenantry.activity_ledger (origin_id);
CREATE INDEX activity_ledger_tenant_idx ON tenantry.activity_ledger (tenant);

-- What can belong to one tenant only, where the product's tables have no unique index over tenants.
CREATE TABLE tenantry.creation_claims (
  kind text NOT NULL CHECK (kind IN ('subscription', 'checkout', 'apple_transaction', 'address')),
  -- The id in lower case; of an address only a keyed hash.
  key text NOT NULL,
  origin_id text NOT NULL,
  tenant uuid NOT NULL,
  taken_at timestamptz NOT NULL,
  PRIMARY KEY (kind, key));
CREATE INDEX creation_claims_origin_idx ON tenantry.creation_claims (origin_id);

-- One row per creation that wrote anything.
CREATE TABLE tenantry.creations (
  tenant uuid PRIMARY KEY,
  origin_id text NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('open', 'repair', 'completed', 'abandoned')),
  -- The run that works on it, or waits.
  workflow_id text NOT NULL,
  product_code text NOT NULL,
  -- Why it waits, in state repair: the step and the type of its failure.
  step text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  opened_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL);
CREATE INDEX creations_state_idx ON tenantry.creations (state, changed_at) WHERE state IN ('open', 'repair');

-- Every change of a creation's state, append-only: who decided what.
CREATE TABLE tenantry.creation_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant uuid NOT NULL,
  origin_id text NOT NULL,
  at timestamptz NOT NULL,
  state text NOT NULL,
  step text NOT NULL,
  reason text NOT NULL,
  workflow_id text NOT NULL,
  decided_by text NOT NULL,
  note text NOT NULL);
CREATE INDEX creation_log_tenant_idx ON tenantry.creation_log (tenant, id);
