"""Does an envelope survive the wire, and does a strange one say what it is?"""

from __future__ import annotations

import json
from uuid import uuid4

import msgspec
import pytest

from techrar.broker.envelope import VERSION, Envelope, UnknownVersion, decode, encode
from techrar.broker.outgoing import to_dead, to_retry, to_work
from techrar.broker.topology import LADDER, Profile


def an_envelope(lane: str = "email", priority: int = 1) -> Envelope:
    return Envelope(publish_id=uuid4(), flow_id=7, lane=lane, priority=priority, ids=[uuid4(), uuid4()])


def test_what_goes_in_comes_out() -> None:
    envelope = an_envelope()
    assert decode(encode(envelope)) == envelope


def test_the_body_holds_ids_and_how_to_queue_them_and_nothing_else() -> None:
    body = json.loads(encode(an_envelope()))
    assert set(body) == {"publish_id", "flow_id", "lane", "priority", "ids", "solo", "version"}


def test_fields_that_newer_code_adds_are_ignored() -> None:
    envelope = an_envelope()
    body = json.loads(encode(envelope)) | {"trace": "00-abc"}
    assert decode(json.dumps(body).encode()) == envelope


def test_a_newer_version_is_named_before_anything_else_is_read() -> None:
    with pytest.raises(UnknownVersion, match=f"version {VERSION + 1}"):
        decode(json.dumps({"version": VERSION + 1, "ids": "another shape"}).encode())


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b"{}", b'{"version": 1}', b'{"version": "1"}'])
def test_garbage_is_called_garbage(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(body)


def test_work_goes_to_its_lane_and_is_named_by_its_publish_id() -> None:
    envelope = an_envelope("sms", 2)
    classic, quorum = to_work(envelope, Profile.CLASSIC), to_work(envelope, Profile.QUORUM)
    assert (classic.exchange, classic.routing_key, quorum.routing_key) == ("deliver", "sms", "sms.p1")
    assert (classic.publish_id, classic.priority) == (envelope.publish_id, 2)
    assert classic.headers == {"envelope-version": VERSION}


def test_a_retry_differs_from_the_work_only_in_where_it_waits() -> None:
    envelope = an_envelope("sms.urgent", 3)
    work, retry = to_work(envelope, Profile.CLASSIC), to_retry(envelope, LADDER[0], Profile.CLASSIC)
    assert (retry.exchange, retry.routing_key, retry.body, retry.priority) == ("retry", "sms.urgent", work.body, 3)
    assert str(retry.headers["retry-in"]).startswith("1s.")


def test_a_dead_letter_goes_to_its_channel_with_the_reason() -> None:
    dead = to_dead(an_envelope("sms.urgent", 3), "retries exhausted", Profile.QUORUM)
    assert (dead.exchange, dead.routing_key, dead.headers["reason"]) == ("dead", "sms", "retries exhausted")
