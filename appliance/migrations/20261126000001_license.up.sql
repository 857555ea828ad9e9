-- What the appliance keeps beside the application's own row `license_state`. One row each; `one` makes a second impossible.

CREATE SCHEMA IF NOT EXISTS tenantry;

-- The newest redemption. `sealed` is authenticated encryption of the record with a key that is not in the database; `stage`
-- repeats its stage for people. `revision` lets one writer win.
CREATE TABLE tenantry.license_redemption (
    one        boolean     PRIMARY KEY DEFAULT true CHECK (one),
    stage      text        NOT NULL,
    sealed     text        NOT NULL,
    revision   bigint      NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The highest time ever seen, in unix seconds: a clock that is set back does not bring an expired licence to life.
CREATE TABLE tenantry.license_clock (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    highest bigint  NOT NULL
);

-- The newest signed list of keys that was verified. It is verified again whenever it is used.
CREATE TABLE tenantry.license_keyset (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    statement text    NOT NULL
);
