"""The ledger's tables. They are written by hand-made SQL only, so Django keeps no model of them."""

from django.db import migrations

TABLES = """
CREATE TABLE flow (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  channel text NOT NULL,
  run_id bigint NOT NULL DEFAULT 0,
  birth_priority smallint NOT NULL,
  priority smallint NOT NULL,
  state smallint NOT NULL DEFAULT 1,
  throttle integer NOT NULL DEFAULT 0,
  UNIQUE (merchant_id, mode, channel, run_id, birth_priority)
);

CREATE TABLE delivery (
  id uuid PRIMARY KEY,
  held_by uuid,
  replays uuid,
  due_at timestamptz NOT NULL,
  relay_at timestamptz,
  wake_at timestamptz,
  expires_at timestamptz,
  opened_at timestamptz,
  clicked_at timestamptz,
  read_at timestamptz,
  flow_id bigint NOT NULL,
  run_id bigint NOT NULL DEFAULT 0,
  recipient_id bigint NOT NULL DEFAULT 0,
  account_id bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  priority smallint NOT NULL,
  state smallint NOT NULL,
  variant smallint NOT NULL DEFAULT 0,
  attempt smallint NOT NULL DEFAULT 0,
  lost_leases smallint NOT NULL DEFAULT 0,
  possible_duplicate boolean NOT NULL DEFAULT false,
  channel text NOT NULL,
  category text NOT NULL,
  currency text NOT NULL DEFAULT '',
  reason text NOT NULL DEFAULT '',
  address text NOT NULL
) PARTITION BY RANGE (id);
-- None of these names the state, nor anything else that a claim or an outcome changes: those updates stay HOT.
CREATE INDEX delivery_relay ON delivery (flow_id, id) WHERE relay_at IS NOT NULL;
CREATE INDEX delivery_wake ON delivery (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX delivery_expires ON delivery (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX delivery_run ON delivery (run_id, id) WHERE run_id <> 0;
CREATE INDEX delivery_recipient ON delivery (recipient_id, id) WHERE recipient_id <> 0;

CREATE SEQUENCE delivery_event_seq CACHE 100;
CREATE TABLE delivery_event (
  delivery_id uuid NOT NULL,
  seq bigint NOT NULL DEFAULT nextval('delivery_event_seq'),
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  account_id bigint NOT NULL DEFAULT 0,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  state smallint NOT NULL,
  attempt smallint NOT NULL DEFAULT 0,
  kind text NOT NULL,
  reason text NOT NULL DEFAULT '',
  vendor_id text NOT NULL DEFAULT '',
  detail jsonb,
  PRIMARY KEY (delivery_id, seq)
) PARTITION BY RANGE (delivery_id);

CREATE TABLE tally (
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  day date NOT NULL,
  run_id bigint NOT NULL,
  variant smallint NOT NULL,
  channel text NOT NULL,
  account_id bigint NOT NULL,
  category text NOT NULL,
  state smallint NOT NULL,
  reason text NOT NULL,
  currency text NOT NULL,
  shard smallint NOT NULL,
  n bigint NOT NULL,
  cost_micros bigint NOT NULL,
  PRIMARY KEY (merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency, shard)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX tally_run ON tally (run_id) WHERE run_id <> 0;

-- An envelope's row lives from its reservation until each of its ids is claimed or refused: what the sweeper looks at.
CREATE TABLE envelope (
  id uuid PRIMARY KEY,
  flow_id bigint NOT NULL,
  lane text NOT NULL,
  priority smallint NOT NULL,
  solo boolean NOT NULL DEFAULT false,
  on_ladder boolean NOT NULL DEFAULT false,
  n integer NOT NULL,
  reserved_at timestamptz NOT NULL DEFAULT now(),
  check_at timestamptz NOT NULL,
  ids uuid[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE envelope ALTER COLUMN ids SET STORAGE EXTERNAL;
CREATE INDEX envelope_check ON envelope (check_at);

-- A claim's row lives from the claim until the last of its outcomes is written.
CREATE TABLE claim (
  id uuid PRIMARY KEY,
  process text NOT NULL,
  lease_until timestamptz NOT NULL,
  ids uuid[] NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE claim ALTER COLUMN ids SET STORAGE EXTERNAL;

-- Which rows of a claim may have been called: written before the calls, gone with the claim.
CREATE TABLE begun (
  claim_id uuid NOT NULL,
  ids uuid[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE begun ALTER COLUMN ids SET STORAGE EXTERNAL;
CREATE INDEX begun_claim ON begun (claim_id);

CREATE TABLE vendor_message (
  account_id bigint NOT NULL,
  vendor_id text NOT NULL,
  delivery_id uuid NOT NULL,
  PRIMARY KEY (account_id, vendor_id)
);

CREATE TABLE dead_letter (
  delivery_id uuid PRIMARY KEY,
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  channel text NOT NULL,
  account_id bigint NOT NULL,
  reason text NOT NULL,
  fingerprint text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  replayed_as uuid
);
CREATE INDEX dead_letter_open ON dead_letter (merchant_id, mode, fingerprint, delivery_id) WHERE replayed_as IS NULL;

CREATE TABLE idempotency (
  merchant_id integer NOT NULL,
  mode smallint NOT NULL,
  endpoint text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  status smallint NOT NULL,
  answer bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, endpoint, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE brake (
  scope text NOT NULL CHECK (scope IN ('installation', 'merchant', 'channel')),
  subject text NOT NULL DEFAULT '',
  rate integer NOT NULL DEFAULT 0 CHECK (rate >= 0),
  set_by text NOT NULL DEFAULT '',
  set_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, subject)
);

CREATE FUNCTION id_day(id uuid) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (timestamp 'epoch' + ((('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) / 1000.0) * interval '1 second')::date
$$;
"""

DROP = """
DROP FUNCTION id_day(uuid);
DROP TABLE brake, idempotency, dead_letter, vendor_message, begun, claim, envelope, tally, delivery_event, delivery, flow;
DROP SEQUENCE delivery_event_seq;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(TABLES, DROP)]
