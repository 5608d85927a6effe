"""How are rows counted without counting them?

Every statement that changes rows adds their deltas here in the same transaction. All pending states share one line.
Writers take a shard each, so that they do not wait for one another; readers sum the shards.
"""

from __future__ import annotations

import random

#: The dimensions of one row, for `str.format(p=table prefix, state=…, reason=…, account=…, currency=…)`.
KEY = """{p}merchant_id, {p}mode, id_day({p}id) AS day, {p}run_id, {p}variant, {p}channel, {account} AS account_id,
    {p}category, (CASE WHEN {state} < 5 THEN 0 ELSE {state} END)::smallint AS state,
    CASE WHEN {state} < 5 THEN '' ELSE {reason} END AS reason, {currency} AS currency"""
#: The same where the day is known already: to find it twice is a tenth of what a move costs.
KEY_OF_DAY = KEY.replace("id_day({p}id) AS day", "{p}day")

_COLUMNS = "merchant_id, mode, day, run_id, variant, channel, account_id, category, state, reason, currency"

#: Adds the rows of a CTE called `delta`, in key order, so that two writers cannot lock each other out.
BUMP_TALLIES = f"""
  INSERT INTO tally AS c ({_COLUMNS}, shard, n, cost_micros)
  SELECT {_COLUMNS}, %(shard)s, sum(n), sum(cost_micros) FROM delta
  GROUP BY {_COLUMNS} HAVING sum(n) <> 0 OR sum(cost_micros) <> 0 ORDER BY {_COLUMNS}
  ON CONFLICT ({_COLUMNS}, shard)
  DO UPDATE SET n = c.n + EXCLUDED.n, cost_micros = c.cost_micros + EXCLUDED.cost_micros
"""

SHARDS = 16


def any_shard() -> int:
    """For writers that are no consumer: whichever, so that two seldom meet."""
    return random.randrange(SHARDS)  # noqa: S311
