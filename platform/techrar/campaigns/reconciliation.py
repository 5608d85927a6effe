"""Does a run balance? What was promised, what the counters say and what the rows say, side by side."""

from __future__ import annotations

from techrar.campaigns import sql
from techrar.campaigns.models import Run
from techrar.campaigns.schemas import ReconciliationOut
from techrar.campaigns.selectors import sums, word
from techrar.core.ids import run_span
from techrar.core.rows import rows
from techrar.ledger.states import State


def of(run: Run) -> ReconciliationOut:
    """Counts every row, so it is as slow as it sounds; it may be asked while the run is under way."""
    first, last = run_span(run.ms, run.id)
    found = rows(sql.RECONCILE, {"run": run.id, "first": first, "last": last})
    numbers = {row.what: row.n for row in found}
    counted = sums((word(row.state), row.n) for row in found if row.what == "counted" and row.n)
    recounted = sums((word(row.state), row.n) for row in found if row.what == "rows")
    planned, total = numbers["planned"], sum(recounted.values())
    balanced = planned == total and counted == recounted
    return ReconciliationOut(
        balanced=balanced,
        expanded=not numbers["left"],
        planned=planned,
        counted=counted,
        recounted=recounted,
        skipped=sums((row.reason, row.n) for row in found if row.what == "rows" and row.state == State.SKIPPED),
        sentence=_sentence(planned, recounted)
        if balanced
        else f"It does not balance: {planned} planned, {sum(counted.values())} counted, {total} rows.",
    )


def _sentence(planned: int, states: dict[str, int]) -> str:
    return f"{planned} planned = {' + '.join(f'{n} {state}' for state, n in sorted(states.items())) or 'none'}."
