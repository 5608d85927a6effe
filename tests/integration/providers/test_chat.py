"""What arrives in a room of Slack, Discord or Teams, and what do we make of the vendor's answer?"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from yarl import URL

from providers import testing
from providers.base import Message, Provider
from providers.chat.discord import Discord
from providers.chat.slack import Slack
from providers.chat.teams import Teams
from providers.registry import channel
from tests.support.http_receiver import Receiver, Reply
from tests.support.vendor import NONSENSE, deliver, https_vendor, said

SLACK = "https://hooks.slack.com/services/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"
DISCORD = "https://discord.com/api/webhooks/1234567890/s3cret-s3cret_s3cret"
TEAMS = (
    "https://default12ab.73.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/ab12"
    "/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s3cret%2Bs3cret_s3cret"
)
OLD_TEAMS = (
    "https://prod-23.westeurope.logic.azure.com:443/workflows/0a1b2c/triggers/manual/paths/invoke?sp=%2F&sig=s3cret"
)
ROOMS: dict[type[Provider], str] = {Slack: SLACK, Discord: DISCORD, Teams: TEAMS}
POSTED = Reply(200, b'{"id": "1199000000000000001", "type": 0, "content": "hello", "channel_id": "42"}')
TAKEN = {Slack: Reply(200, b"ok"), Discord: POSTED, Teams: Reply(202, b"")}
NAMES = ("hooks.slack.com", "discord.com", "discordapp.com", URL(TEAMS).host or "", URL(OLD_TEAMS).host or "")
every_vendor = pytest.mark.parametrize("cls", ROOMS, ids=lambda cls: cls.key)


@asynccontextmanager
async def vendor(cls: type[Provider], *replies: Reply) -> AsyncIterator[tuple[Receiver, Provider]]:
    async with https_vendor(*replies, names=NAMES) as (receiver, net):
        yield receiver, cls(cls.Config(), net, now=lambda: testing.NOW)


def words(room: str, text: str = "Order 42 is on its way.") -> Message:
    return testing.message(channel("chat"), room, content={"text": text})


async def test_slack_gets_the_words_and_none_of_its_commands() -> None:
    async with vendor(Slack, Reply(200, b"ok")) as (receiver, slack):
        outcome = await deliver(slack, words(SLACK, "<!channel> <@U1> Tom & Co. @everyone <https://evil.example|shop>"))
    assert said(outcome) == ("accepted", "")
    (got,) = receiver.received
    assert (got.method, got.path, got.headers["Host"]) == ("POST", URL(SLACK).path, "hooks.slack.com")
    assert got.headers["Content-Type"] == "application/json"
    assert got.json() == {
        "text": "&lt;!channel&gt; &lt;@U1&gt; Tom &amp; Co. @everyone &lt;https://evil.example|shop&gt;",
        "link_names": False,
    }


async def test_discord_is_asked_to_say_whether_it_kept_the_message_and_to_summon_nobody() -> None:
    async with vendor(Discord, POSTED) as (receiver, discord):
        outcome = await deliver(discord, words(DISCORD + "?thread_id=7", "@everyone <@&5> hello"))
    assert (outcome.kind, outcome.vendor_id) == ("accepted", "1199000000000000001")
    (got,) = receiver.received
    assert (got.method, URL(got.path).path) == ("POST", URL(DISCORD).path)
    assert dict(URL(got.path).query) == {"thread_id": "7", "wait": "true"}
    assert got.json() == {"content": "@everyone <@&5> hello", "allowed_mentions": {"parse": []}}


@pytest.mark.parametrize("room", [TEAMS, OLD_TEAMS], ids=["power automate", "logic apps"])
async def test_a_workflow_gets_a_card_without_mentions_and_the_delivery(room: str) -> None:
    run = Reply(202, headers={"x-ms-workflow-run-id": "08584510000000000000"})
    message = words(room, "<at>everyone</at> hello")
    async with vendor(Teams, run) as (receiver, teams):
        outcome = await deliver(teams, message)
    assert (outcome.kind, outcome.vendor_id) == ("accepted", "08584510000000000000")
    (got,) = receiver.received
    assert URL(got.path).query == URL(room).query
    assert got.headers["x-ms-client-tracking-id"] == str(message.delivery_id)
    (attachment,) = got.json()["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["body"] == [{"type": "TextBlock", "text": "<at>everyone</at> hello", "wrap": True}]
    assert "entities" not in json.dumps(got.json())


SLACK_ANSWERS = [
    (400, b"invalid_payload", "rejected", "content_refused"),
    (400, b"user_not_found", "rejected", "content_refused"),
    (403, b"action_prohibited", "rejected", "blocked"),
    (403, b"posting_to_general_channel_denied", "rejected", "blocked"),
    (403, b"invalid_token", "rejected", "invalid_address"),
    (404, b"channel_not_found", "rejected", "invalid_address"),
    (404, b"no_service", "rejected", "invalid_address"),
    (404, b"no_team", "rejected", "invalid_address"),
    (410, b"channel_is_archived", "rejected", "blocked"),
    (429, b"rate_limited", "throttled", "rate"),
    (500, b"rollup_error", "retry", "vendor_error"),
    (503, b"<html>", "retry", "vendor_error"),
    (504, b"<html>", "ambiguous", "unexpected_answer"),
    (302, b"", "retry", "unexpected_answer"),
    (404, b"<html>not found</html>", "retry", "unexpected_answer"),
    (200, b"no_service", "ambiguous", "unexpected_answer"),
]


def refused(code: int, text: str = "no") -> bytes:
    return json.dumps({"message": text, "code": code}).encode()


DISCORD_ANSWERS = [
    (400, refused(50035, "Invalid Form Body"), "rejected", "content_refused"),
    (400, refused(50006, "Cannot send an empty message"), "rejected", "content_refused"),
    (400, refused(200000, "Message was blocked by automatic moderation"), "rejected", "content_refused"),
    (401, refused(50027, "Invalid Webhook Token"), "rejected", "invalid_address"),
    (403, refused(50013, "Missing Permissions"), "rejected", "blocked"),
    (404, refused(10015, "Unknown Webhook"), "rejected", "invalid_address"),
    (404, refused(10003, "Unknown Channel"), "rejected", "invalid_address"),
    (429, b'{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}', "throttled", "rate"),
    (429, b"error code: 1015", "throttled", "rate"),
    (500, refused(0, "500: Internal Server Error"), "retry", "vendor_error"),
    (502, b"<html>", "ambiguous", "unexpected_answer"),
    (401, b"<html>", "retry", "unexpected_answer"),
    (403, b"<html>blocked by a proxy</html>", "retry", "unexpected_answer"),
    (204, b"", "ambiguous", "unexpected_answer"),
]


def fault(code: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": "no"}}).encode()


TEAMS_ANSWERS = [
    (400, fault("TriggerInputSchemaMismatch"), "rejected", "content_refused"),
    (400, fault("WorkflowTriggerIsNotEnabled"), "rejected", "unreachable"),
    (401, fault("DirectApiAuthorizationRequired"), "rejected", "unreachable"),
    (403, fault("Forbidden"), "rejected", "unreachable"),
    (404, fault("WorkflowNotFound"), "rejected", "unreachable"),
    (413, fault("RequestEntityTooLarge"), "rejected", "content_refused"),
    (429, fault("WorkflowRunActionRateLimitExceeded"), "throttled", "rate"),
    (500, fault("InternalServerError"), "retry", "vendor_error"),
    (503, b"", "retry", "vendor_error"),
    (404, b"<html>", "retry", "unexpected_answer"),
    (200, b"1", "ambiguous", "unexpected_answer"),
]
ANSWERS = [
    *((Slack, *row) for row in SLACK_ANSWERS),
    *((Discord, *row) for row in DISCORD_ANSWERS),
    *((Teams, *row) for row in TEAMS_ANSWERS),
]


@pytest.mark.parametrize(("cls", "status", "body", "kind", "reason"), ANSWERS)
async def test_an_answer_says_whether_to_retry_wait_or_give_up(
    cls: type[Provider], status: int, body: bytes, kind: str, reason: str
) -> None:
    async with vendor(cls, Reply(status, body)) as (receiver, provider):
        outcome = await deliver(provider, words(ROOMS[cls]))
    assert said(outcome) == (kind, reason)
    assert outcome.detail["status"] == status
    assert len(receiver.received) == 1


@every_vendor
@pytest.mark.parametrize("body", NONSENSE.values(), ids=list(NONSENSE))
@pytest.mark.parametrize("status", [200, 404, 503])
async def test_nonsense_is_never_taken_for_sent_nor_held_against_the_room(
    cls: type[Provider], status: int, body: bytes
) -> None:
    async with vendor(cls, Reply(status, body)) as (_, provider):
        outcome = await deliver(provider, words(ROOMS[cls]))
    assert outcome.kind == ("ambiguous" if status == 200 else "retry")
    assert "error" not in outcome.detail, "the adapter must not have crashed"


@every_vendor
async def test_the_vendor_says_how_long_to_wait(cls: type[Provider]) -> None:
    async with vendor(cls, Reply(429, b"rate_limited", {"Retry-After": "30"})) as (_, provider):
        assert (await deliver(provider, words(ROOMS[cls]))).retry_after == 30.0


async def test_discord_says_it_in_its_body_too() -> None:
    body = b'{"message": "You are being rate limited.", "retry_after": 64.57, "global": true, "code": 0}'
    async with vendor(Discord, Reply(429, body, {"Retry-After": "1"})) as (_, discord):
        assert (await deliver(discord, words(DISCORD))).retry_after == 64.57


@every_vendor
async def test_a_connection_that_breaks_after_the_request_leaves_it_open(cls: type[Provider]) -> None:
    async with vendor(cls, Reply(cut=True)) as (receiver, provider):
        assert said(await deliver(provider, words(ROOMS[cls]))) == ("ambiguous", "connection")
        assert len(receiver.received) == 1, "nobody repeats a call but the service"


@every_vendor
@pytest.mark.parametrize(
    "spoil",
    [
        lambda room: room.replace(room.split("/")[2], "evil.example"),
        lambda room: room.replace(room.split("/")[2], f"{room.split('/')[2]}.evil.example"),
        lambda room: room.replace("https://", "https://evil.example\\@"),
        lambda room: room.replace("https://", "https://user:pass@"),
        lambda room: room.replace("https://", "http://"),
        lambda room: room.replace(room.split("/")[2], "127.0.0.1"),
        lambda room: room.replace(room.split("/")[2], f"{room.split('/')[2].removesuffix(':443')}:8443"),
        lambda room: "/".join(room.split("/")[:3]) + "/api/other",
        lambda room: "https://[nonsense",
    ],
    ids=["host", "suffix", "backslash", "login", "plain", "address", "port", "path", "not one"],
)
async def test_an_address_that_is_not_the_vendors_is_refused_without_a_connection(
    cls: type[Provider], spoil: Any
) -> None:
    async with vendor(cls) as (receiver, provider):
        outcome = await deliver(provider, words(spoil(ROOMS[cls])))
        assert receiver.connections == set()
    assert said(outcome) == ("rejected", "forbidden_target")
    assert "s3cret" not in str(outcome)


@every_vendor
@pytest.mark.parametrize("how", ["accepted", "refused", "cut", "no such name"])
async def test_the_address_never_shows(cls: type[Provider], how: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reply = {"accepted": TAKEN[cls], "refused": Reply(404, b"no_service"), "cut": Reply(cut=True)}.get(how)
    async with vendor(cls, *([reply] if reply else [])) as (_, provider):
        if how == "no such name":
            provider.net._resolver._inner.ports = {}  # type: ignore[attr-defined]
        outcome = await deliver(provider, words(ROOMS[cls]))
    assert outcome.detail["request"] == f"POST {URL(ROOMS[cls]).origin()}/…"
    assert "s3cret" not in str(outcome)
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]  # the fake's own log
    assert "s3cret" not in "\n".join(ours)


async def test_what_slack_would_cut_off_in_silence_is_refused() -> None:
    async with vendor(Slack, Reply(200, b"ok")) as (receiver, slack):
        assert said(await deliver(slack, words(SLACK, "x" * 40_001))) == ("rejected", "unsupported")
        assert receiver.received == []
        assert said(await deliver(slack, words(SLACK, "x" * 40_000))) == ("accepted", "")


async def test_what_a_workflow_would_take_and_then_fail_to_post_is_refused() -> None:
    async with vendor(Teams, Reply(202)) as (receiver, teams):
        assert said(await deliver(teams, words(TEAMS, "x" * 28_672))) == ("rejected", "content_refused")
        assert receiver.received == []
        assert said(await deliver(teams, words(TEAMS, "x" * 28_000))) == ("accepted", "")
