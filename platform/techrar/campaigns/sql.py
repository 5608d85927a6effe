"""The statements of a run: cut into chunks, expand one, count, cancel."""

from __future__ import annotations

from techrar.audience.sql import SUPPRESSED
from techrar.core.ids import run_delivery_id_sql
from techrar.ledger.states import State
from techrar.ledger.tallies import BUMP_TALLIES

#: The database's clock, and no other run's; whoever launches next waits for this one.
NEXT_MS = """
SELECT GREATEST(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  (SELECT COALESCE(max(ms), 0) + 1 FROM campaigns_run)) AS ms
FROM (SELECT pg_advisory_xact_lock(hashtext('techrar.run'))) AS alone
"""

CUT = """
INSERT INTO chunk (run_id, number, first_id, last_id)
SELECT %(run)s, number, min(id), max(id)
FROM (
  SELECT id, (row_number() OVER (ORDER BY id) - 1) / %(size)s AS number
  FROM recipient WHERE merchant_id = %(merchant)s AND mode = %(mode)s AND id <= %(highest)s
) AS r GROUP BY number RETURNING number
"""

DROP_CHUNKS = "DELETE FROM chunk WHERE run_id = %(run)s AND done_at IS NULL RETURNING number"

PICK = """
SELECT c.run_id, c.number, c.first_id, c.last_id
FROM chunk c JOIN campaigns_run r ON r.id = c.run_id
WHERE c.done_at IS NULL AND r.state = 'running'
ORDER BY c.number, c.run_id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""

#: Held by every chunk on its way, and alone by who pauses or cancels. Not a lock on the run's row: dispatchers that
#: share one of those would follow one another, and whoever wants to pause would wait until the last of them.
_STEERING = "hashtext('techrar.run.steer'), %(run)s::int"
SHARE = f"SELECT pg_try_advisory_xact_lock_shared({_STEERING}) AS ours"
STEER = f"SELECT pg_advisory_xact_lock({_STEERING})::text AS locked"

#: Asked after `SHARE`, so that what somebody has just changed is seen.
STILL_RUNNING = "SELECT state = 'running' AS running FROM campaigns_run WHERE id = %(run)s"

#: One chunk's recipients as deliveries, their tallies and the mark that it is done. An id that is taken already is an
#: error, and then nothing of it is written. The ordered subquery keeps each recipient's verdict from being asked for
#: more than once. For `str.format(address=…, variant=…, segment=…)`.
EXPAND = f"""
WITH planned AS (
  INSERT INTO delivery (id, due_at, relay_at, flow_id, run_id, recipient_id, merchant_id, mode, priority, state,
    variant, channel, category, reason, address)
  SELECT {run_delivery_id_sql("%(prefix)s::text", "c.id", 1)}, now(), CASE WHEN c.reason = '' THEN now() END,
    %(flow)s, %(run)s, c.id, %(merchant)s, %(mode)s, %(priority)s,
    CASE WHEN c.reason = '' THEN {State.ACCEPTED:d} ELSE {State.SKIPPED:d} END, c.variant, %(channel)s, %(category)s,
    c.reason, c.address
  FROM (
    SELECT r.id, COALESCE({{address}}, '') AS address, {{variant}} AS variant,
      CASE WHEN {{address}} IS NULL THEN 'unreachable'
        WHEN {SUPPRESSED.format(merchant="%(merchant)s", mode="%(mode)s", channel="%(channel)s", address="{address}")}
        THEN 'suppressed' ELSE '' END AS reason
    FROM recipient r
    WHERE r.merchant_id = %(merchant)s AND r.mode = %(mode)s AND r.id BETWEEN %(first)s AND %(last)s AND {{segment}}
    ORDER BY r.id
  ) c
  RETURNING variant, state, reason
), counted AS MATERIALIZED (
  SELECT variant, state, reason, count(*) AS n FROM planned GROUP BY 1, 2, 3
), delta AS (
  SELECT %(merchant)s::int AS merchant_id, %(mode)s::smallint AS mode, %(day)s::date AS day, %(run)s::bigint AS run_id,
    variant, %(channel)s::text AS channel, 0::bigint AS account_id, %(category)s::text AS category,
    (CASE WHEN state < {State.UNKNOWN:d} THEN 0 ELSE state END)::smallint AS state, reason, '' AS currency,
    n, 0 AS cost_micros
  FROM counted
), tallied AS ({BUMP_TALLIES})
UPDATE chunk SET planned = (SELECT COALESCE(sum(n), 0) FROM counted), done_at = now()
WHERE run_id = %(run)s AND number = %(number)s AND done_at IS NULL
RETURNING planned
"""

#: What was planned, what is left to plan, and what the tallies say.
FIGURES = """
SELECT (SELECT COALESCE(sum(planned), 0) FROM chunk WHERE run_id = %(run)s)::bigint AS planned,
  (SELECT count(*) FROM chunk WHERE run_id = %(run)s AND done_at IS NULL) AS chunks_left,
  (SELECT count(*) FROM chunk WHERE run_id = %(run)s) AS chunks
"""

COUNTS = """
SELECT variant, state, reason, sum(n)::bigint AS n FROM tally WHERE run_id = %(run)s
GROUP BY variant, state, reason HAVING sum(n) <> 0 ORDER BY variant, state, reason
"""

UNFINISHED = """
SELECT id, ms, state FROM campaigns_run WHERE finished_at IS NULL AND state IN ('running', 'cancelled') ORDER BY id
"""

#: What of a cancelled run has no claim on it, in the order of ids.
WAITING = f"""
SELECT id FROM delivery
WHERE id > %(after)s AND id <= %(last)s AND run_id = %(run)s
  AND state IN ({State.SCHEDULED:d}, {State.ACCEPTED:d}, {State.QUEUED:d})
ORDER BY id LIMIT %(limit)s
"""

END_CANCELLED = "UPDATE campaigns_run SET finished_at = now() WHERE id = %(run)s AND state = 'cancelled'"

#: The campaign before its run, as everybody locks them. Nothing, when somebody else was first.
BECOME = """
WITH c AS (
  UPDATE campaigns_campaign SET state = %(to)s, trouble = %(trouble)s, updated_at = now()
  WHERE id = (SELECT campaign_id FROM campaigns_run WHERE id = %(run)s) AND state = %(from)s
  RETURNING id
)
UPDATE campaigns_run r SET state = %(to)s, finished_at = CASE WHEN %(over)s THEN now() END
FROM c WHERE r.id = %(run)s AND r.campaign_id = c.id RETURNING r.flow_id
"""

#: Everything that must agree, in one statement and so from one moment.
RECONCILE = """
SELECT 'planned' AS what, 0 AS state, '' AS reason, COALESCE(sum(planned), 0)::bigint AS n
FROM chunk WHERE run_id = %(run)s
UNION ALL
SELECT 'left', 0, '', count(*) FROM chunk WHERE run_id = %(run)s AND done_at IS NULL
UNION ALL
SELECT 'counted', state, reason, sum(n)::bigint FROM tally WHERE run_id = %(run)s GROUP BY state, reason
UNION ALL
SELECT 'rows', state, reason, count(*) FROM delivery
WHERE id BETWEEN %(first)s AND %(last)s AND run_id = %(run)s GROUP BY state, reason
"""
