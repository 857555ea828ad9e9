-- Mails that bring an install code: one for each run of work, counted by address. No code and no address is kept.
CREATE TABLE tenantry.install_mails (
  -- Id of the workflow that sends it.
  origin_id text PRIMARY KEY,
  -- Keyed hash of the address in lower case.
  address_key text NOT NULL,
  begun_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'sent', 'closed')),
  -- Why it is closed, as the first attempt was told.
  why text NOT NULL DEFAULT '');
CREATE INDEX install_mails_address_idx ON tenantry.install_mails (address_key, begun_at);
