"""How does an envelope get to the broker, and how do we know that it did?

The only file that uses Kombu. A publish never outlasts its deadline, confirms only what a queue really holds, and
says in its answer, not by an exception, what did not work: the rows are in the ledger and go back by publish id.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kombu.connection import Connection

from techrar.broker import declare
from techrar.broker.confirms import Confirmed, summarise
from techrar.broker.envelope import Envelope
from techrar.broker.link import FAILURES, Link, left, reason_of
from techrar.broker.outgoing import Outgoing, to_dead, to_retry, to_work
from techrar.broker.topology import Profile, Step, Topology

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
BACKOFF_FIRST, BACKOFF_MOST = 0.1, 5.0
HEAL_EVERY = 5.0


def connect(url: str, *, timeout: float, name: str) -> Any:
    """One bare connection. Heartbeats are off: nobody would send them between two publishes; keep-alive is on."""
    # Without a server name a certificate would be checked, but not whether it is this server's.
    tls = {"server_hostname": None} if url.startswith("amqps") else False
    options = {"client_properties": {"connection_name": name}}
    hub: Any = Connection
    return hub(url, connect_timeout=timeout, ssl=tls, transport_options=options).transport.establish_connection()


@contextmanager
def connected(url: str, *, timeout: float = CONNECT_SECONDS, name: str = "techrar") -> Iterator[Any]:
    """A connection for declaring and checking; of several servers in the URL, the first that answers."""
    deadline = time.monotonic() + timeout
    connection = _first_that_answers(url.split(";"), deadline, name)
    connection.sock.settimeout(timeout)
    try:
        yield connection
    finally:
        connection.collect()


def _first_that_answers(urls: Sequence[str], deadline: float, name: str) -> Any:
    for url in urls[:-1]:
        try:
            return connect(url, timeout=left(deadline), name=name)
        except FAILURES as error:
            log.info("a broker does not answer: %s", error)
    return connect(urls[-1], timeout=left(deadline), name=name)


class Publisher:
    """Owned by one thread. `url` may name several servers, separated by semicolons; they are tried in turn.

    With a `topology` the publisher declares it on every new connection and when a message comes back, so that a broker
    that was wiped is whole again by itself.
    """

    def __init__(
        self,
        url: str,
        profile: Profile,
        *,
        topology: Topology | None = None,
        name: str = "techrar publisher",
        rng: random.Random | None = None,
    ) -> None:
        self._urls = url.split(";")
        self._profile = profile
        self._topology = topology
        self._name = name
        self._rng = rng or random.Random()  # noqa: S311 - spreads reconnects, keeps no secret
        self._link: Link | None = None
        self._process = os.getpid()
        self._owner: int | None = None
        self._failures = 0
        self._not_before = 0.0
        self._next_heal = 0.0
        self._told: list[str] = []

    def publish(self, envelopes: Sequence[Envelope], *, deadline: float) -> Confirmed:
        """Send to the work queues; never takes longer than `deadline` seconds."""
        return self._send([to_work(envelope, self._profile) for envelope in envelopes], deadline)

    def publish_retry(self, envelope: Envelope, step: Step, *, deadline: float) -> Confirmed:
        """Send up the ladder: the envelope is back in its queue after the step's delay."""
        return self._send([to_retry(envelope, step, self._profile)], deadline)

    def publish_dead(self, envelope: Envelope, reason: str, *, deadline: float) -> Confirmed:
        """Show an operator what was given up."""
        return self._send([to_dead(envelope, reason, self._profile)], deadline)

    @property
    def blocked(self) -> bool:
        """Has the broker said that it takes nothing now? Reads what it has said since, without waiting."""
        self._check_owner()
        return self._link is not None and self._listen(self._link) and self._link.blocked

    def close(self) -> None:
        self._check_owner()
        self._drop()

    def _send(self, messages: Sequence[Outgoing], seconds: float) -> Confirmed:
        self._check_owner()
        deadline = time.monotonic() + seconds
        asked = [message.publish_id for message in messages]
        if not asked:
            return Confirmed()
        if self.blocked:
            return summarise(asked, (), {}, blocked=True, error="the broker is blocked (memory or disk alarm)")
        wait = self._not_before - time.monotonic()
        if self._link is None and wait > 0:
            return summarise(asked, (), {}, error="no broker, waiting to try again", retry_in=wait)
        try:
            link = self._link or self._open(deadline)
        except FAILURES as error:
            self._drop()
            return summarise(asked, (), {}, error=f"no broker: {reason_of(error)}", retry_in=self._failed())
        return self._exchange(link, messages, deadline)

    def _exchange(self, link: Link, messages: Sequence[Outgoing], deadline: float) -> Confirmed:
        asked = [message.publish_id for message in messages]
        written = []
        link.verdicts = {}
        error, retry_in = "", 0.0
        try:
            for message in messages:
                if link.blocked:
                    break
                written.append(message.publish_id)
                link.write(message, deadline=deadline)
            link.settle(deadline=deadline)
            self._failures = 0
        except FAILURES as failure:
            # Whatever broke, this channel's answers can no longer be told apart: the next publish starts afresh.
            self._drop()
            error, retry_in = f"publishing failed: {reason_of(failure)}", self._failed()
        except BaseException:
            self._drop()
            raise
        if link.blocked and not error:
            error = "the broker is blocked (memory or disk alarm)"
        done = summarise(asked, written, link.verdicts, blocked=link.blocked, error=error, retry_in=retry_in)
        if done.returned and self._link is not None and time.monotonic() >= self._next_heal:
            self._next_heal = time.monotonic() + HEAL_EVERY
            self._heal(self._link, deadline)
        return done

    def _open(self, deadline: float) -> Link:
        """A fresh link, with the topology declared; the servers of the URL take turns with each failure."""
        url = self._urls[self._failures % len(self._urls)]
        connection = connect(url, timeout=min(left(deadline), CONNECT_SECONDS), name=self._name)
        try:
            link = Link(connection, deadline=deadline)
        except BaseException:
            connection.collect()
            raise
        self._link = link
        self._heal(link, deadline)
        return link

    def _heal(self, link: Link, deadline: float) -> None:
        """Declare what is missing. What cannot be declared is said once; publishing goes on with what there is."""
        if self._topology is None:
            return
        link.connection.sock.settimeout(left(deadline))
        told = declare.apply(link.connection, self._topology)
        if told and told != self._told:
            log.error(
                "%d thing(s) at the broker are not as planned, `manage.py topology` lists them: %s", len(told), told[0]
            )
        self._told = told

    def _listen(self, link: Link) -> bool:
        """Is the link still good? One that was blocked and is free again is not: its old tags may be answered late."""
        was_blocked = link.blocked
        try:
            link.poll()
        except FAILURES as error:
            log.info("the broker connection was lost: %s", error)
            self._drop()
            return False
        if was_blocked and not link.blocked:
            self._drop()
            return False
        return True

    def _failed(self) -> float:
        """Count a failure; how long to leave the broker in peace."""
        longest: float = min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(self._failures, 10))
        pause = longest * self._rng.uniform(0.5, 1.0)
        self._failures += 1
        self._not_before = time.monotonic() + pause
        return pause

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.abandon()

    def _check_owner(self) -> None:
        if os.getpid() != self._process:
            self._process, self._owner = os.getpid(), None
            link, self._link = self._link, None
            if link is not None:
                link.forget()
        me = threading.get_ident()
        if self._owner is None:
            self._owner = me
        if self._owner != me:
            raise RuntimeError("a Publisher belongs to one thread: give each thread its own")
