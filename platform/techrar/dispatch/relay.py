"""Which due rows go to the broker now?

One relay owns a lane (an advisory lock of its session, so that it fails over by itself). Each round it looks at its
flows, reserves what each may have waiting at the broker, commits, publishes, and gives back what was not confirmed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection

from techrar.broker.envelope import Envelope
from techrar.core.records import by_name
from techrar.dispatch import sql
from techrar.dispatch.pace import LOW_SHARE, Pace
from techrar.ledger.flows import Brake, FlowState, strictest
from techrar.ledger.reservations import Reservation, give_back, reserve

log = logging.getLogger(__name__)

ENVELOPE_SIZE = 500
CHECK_SECONDS = 60.0
#: A flow that nobody claims from is looked for less often, so that a broker without consumers does not fill up.
STALLED_CHECK_SECONDS = 600.0
DISCOVER_EVERY = 0.5
LEAD_EVERY = 2.0
PUBLISH_DEADLINE = 5.0
LONGEST_REST = 2.0
TOP_PRIORITY = 3


class Publisher(Protocol):
    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> set[UUID]:
        """Hand over; answer the publish ids that are safely taken."""


def lane_of(channel: str, birth_priority: int) -> str:
    return f"{channel}.urgent" if birth_priority == 0 else channel


class Relay:
    """Rounds over the lanes it could get, on one connection in autocommit."""

    def __init__(
        self,
        connection: Connection[Any],
        publisher: Publisher,
        *,
        lanes: Sequence[str],
        new_id: Callable[[], UUID],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.publisher = publisher
        self.lanes = tuple(lanes)
        self.owned: set[str] = set()
        self.new_id = new_id
        self.clock = clock
        self.paces: dict[int, Pace] = {}
        self.hot: set[int] = set()
        self.brakes: list[Brake] = []
        self._discovered_at = self._led_at = float("-inf")
        self._top: dict[str, int] = {}
        self._refusals: dict[str, tuple[int, float]] = {}  #: lane -> how often in a row, and until when to leave it

    def wake(self, flows: set[int]) -> None:
        """Somebody says that these flows have due rows: look at once."""
        self.hot |= flows

    def round(self) -> int:
        """One round; answers how many deliveries were handed over."""
        now = self.clock()
        self._lead(now)
        self._discover(now)
        if not self.hot or not self.owned:
            return 0
        flows = self._flows()
        shares = self._shares(flows, now)
        return self._publish([e for flow in flows for e in self._take(flow, shares.get(flow.id, 0.0), now)])

    def _lead(self, now: float) -> None:
        if now - self._led_at < LEAD_EVERY:
            return
        self._led_at = now
        for lane in self.lanes:
            if lane not in self.owned:
                row = self.connection.execute(
                    "SELECT pg_try_advisory_lock(hashtext('techrar.lane'), hashtext(%s))", (lane,)
                ).fetchone()
                if row and row[0]:
                    self.owned.add(lane)

    def _discover(self, now: float) -> None:
        if now - self._discovered_at < DISCOVER_EVERY:
            return
        self._discovered_at = now
        self.hot |= {row[0] for row in self.connection.execute(sql.DUE_FLOWS)}
        self.brakes = [Brake(*row) for row in self.connection.execute(sql.BRAKES)]

    def _flows(self) -> list[Any]:
        with self.connection.cursor(row_factory=by_name) as cursor:
            rows = cursor.execute(sql.FLOWS, {"flows": list(self.hot)}).fetchall()
        mine = [r for r in rows if lane_of(r.channel, r.birth_priority) in self.owned]
        self.hot = {r.id for r in mine}
        lanes = [(lane_of(r.channel, r.birth_priority), r.priority) for r in mine]
        self._top = {lane: min(p for other, p in lanes if other == lane) for lane, _ in lanes}
        return sorted(mine, key=lambda r: (r.priority, self.paces[r.id].drained_at if r.id in self.paces else 0.0))

    def _shares(self, flows: Sequence[Any], now: float) -> dict[int, float]:
        """What flows below the busiest priority of their lane have earned since the last round."""
        drained: dict[str, int] = {}
        low: dict[str, list[int]] = {}
        for flow in flows:
            lane = lane_of(flow.channel, flow.birth_priority)
            pace = self.paces.setdefault(flow.id, Pace())
            claimed = pace.look(flow.outstanding, given_back=flow.given_back, now=now)
            drained[lane] = drained.get(lane, 0) + claimed
            if flow.priority > self._top[lane] and flow.state == FlowState.ACTIVE:
                low.setdefault(lane, []).append(flow.id)
        return {flow: drained[lane] * LOW_SHARE / len(ids) for lane, ids in low.items() for flow in ids}

    def _take(self, flow: Any, share: float, now: float) -> list[Envelope]:
        """Reserve what this flow may have at the broker."""
        pace = self.paces[flow.id]
        if flow.state != FlowState.ACTIVE:
            self.hot.discard(flow.id)
            return []
        rate = strictest(self.brakes, merchant_id=flow.merchant_id, channel=flow.channel)
        if rate == 0:
            return []
        throttle = min([r for r in (flow.throttle, rate) if r] or [0])
        lane = lane_of(flow.channel, flow.birth_priority)
        if now < self._refusals.get(lane, (0, 0.0))[1]:
            return []
        amqp_priority = TOP_PRIORITY - flow.priority
        limit = pace.allowance(flow.outstanding, throttle=throttle, now=now)
        if limit == 0 and not throttle and (limit := pace.boost(share, now=now)):
            amqp_priority = TOP_PRIORITY - self._top[lane]
        if limit == 0:
            return []
        made = self._reserve(flow, pace, limit, now)
        pace.published(sum(len(r.ids) for r in made), throttle=throttle)
        return [Envelope(r.publish_id, flow.id, lane, amqp_priority, list(r.ids), solo=r.solo) for r in made]

    def _reserve(self, flow: Any, pace: Pace, limit: int, now: float) -> list[Reservation]:
        stalled = now - pace.silent_since > CHECK_SECONDS
        made = reserve(
            self.connection,
            flow=flow.id,
            lane=lane_of(flow.channel, flow.birth_priority),
            priority=flow.birth_priority,
            after=UUID(int=pace.after),
            limit=limit,
            size=ENVELOPE_SIZE,
            check=STALLED_CHECK_SECONDS if stalled else CHECK_SECONDS,
            new_id=self.new_id,
        )
        taken = sum(len(r.ids) for r in made)
        if taken < limit:
            # The end of the line. Rows that came back have older ids, so the next look starts at the front again.
            if not taken and not pace.after:
                self.hot.discard(flow.id)
            pace.after = 0
        else:
            pace.after = max(i.int for r in made for i in r.ids)
        return made

    def _publish(self, envelopes: list[Envelope]) -> int:
        if not envelopes:
            return 0
        confirmed = self.publisher.publish(envelopes, deadline=PUBLISH_DEADLINE)
        refused = [e for e in envelopes if e.publish_id not in confirmed]
        if refused:
            give_back(self.connection, [e.publish_id for e in refused])
        for lane in {e.lane for e in envelopes} - {e.lane for e in refused}:
            self._refusals.pop(lane, None)
        for lane in {e.lane for e in refused}:
            self._rest(lane, sum(e.lane == lane for e in refused))
        return sum(len(e.ids) for e in envelopes if e.publish_id in confirmed)

    def _rest(self, lane: str, envelopes: int) -> None:
        """What is not taken now will not be taken a millisecond later: ask again after a while, longer each time."""
        times = self._refusals.get(lane, (0, 0.0))[0] + 1
        self._refusals[lane] = (times, self.clock() + min(0.1 * 2**times, LONGEST_REST))
        if times == 1:
            log.warning(
                "lane %s: the broker did not take %d envelopes; their rows are back in the line", lane, envelopes
            )
