"""Who may look at a campaign, and until when?"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session

from frontend import sockets, visitors
from frontend.sockets import NOT_FOUND, OVER, TOO_LARGE, TOO_MANY, UNEXPECTED
from techrar.live import board
from techrar.merchants import services
from tests.factories import Person
from tests.integration.live.conftest import Launched
from tests.support.campaigns import ACTOR, in_thread
from tests.support.sockets import cookie_of, looking, token_of


async def test_for_another_merchant_there_is_no_such_campaign(launched: Launched, charlie: Person) -> None:
    async with looking(launched.campaign.id, cookie=await cookie_of(charlie)) as looker:
        assert await looker.code() == NOT_FOUND
    async with looking(launched.campaign.id, token=await token_of(charlie)) as looker:
        assert await looker.code() == NOT_FOUND
    async with looking(uuid4(), token=await token_of(charlie)) as looker:
        assert await looker.code() == NOT_FOUND


async def test_a_token_of_the_other_mode_finds_nothing(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice.live())) as looker:
        assert await looker.code() == NOT_FOUND


async def test_a_viewer_may_look(launched: Launched, bob: Person) -> None:
    async with looking(launched.campaign.id, cookie=await cookie_of(bob)) as looker:
        assert (await looker.next())["planned"] == 30


@pytest.mark.parametrize("token", ["nonsense", "trk_test_something_else"])
async def test_what_is_no_token_opens_nothing(launched: Launched, token: str) -> None:
    async with looking(launched.campaign.id, token=token) as looker:
        assert await looker.code() == OVER


async def test_an_api_key_is_not_taken_where_a_browser_could_leak_it(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=alice.key) as looker:
        assert await looker.code() == OVER


async def test_a_token_that_may_not_read_sees_nothing(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice, 60, "send")) as looker:
        assert await looker.code() == OVER


async def test_who_says_nothing_is_not_waited_for(launched: Launched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "FIRST_MESSAGE_SECONDS", 0.1)
    async with looking(launched.campaign.id) as looker:
        assert await looker.code() == OVER


@pytest.mark.parametrize(
    ("text", "code"),
    [("[]", UNEXPECTED), ('{"token": 1}', UNEXPECTED), ('{"tok', UNEXPECTED), ('"' + "x" * 5000 + '"', TOO_LARGE)],
)
async def test_anything_but_a_token_ends_it(launched: Launched, text: str, code: int) -> None:
    async with looking(launched.campaign.id) as looker:
        await looker.say(text)
        assert await looker.code() == code


async def test_a_second_message_ends_it(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        await looker.tell(token="again")
        assert await looker.code() == UNEXPECTED


async def test_it_ends_with_its_token(launched: Launched, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "REFRESH", 0.2)
    async with looking(launched.campaign.id, token=await token_of(alice, 1)) as looker:
        await looker.next()
        assert await looker.code() == OVER


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "REFRESH", 0.2)
    monkeypatch.setattr(sockets, "LOOK_AGAIN", 0.0)


@pytest.mark.usefixtures("impatient")
async def test_it_ends_with_its_session(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, cookie=await cookie_of(alice)) as looker:
        await looker.next()
        await in_thread(lambda: Session.objects.all().delete())
        assert await looker.code() == OVER


@pytest.mark.usefixtures("impatient")
async def test_it_ends_when_its_member_leaves_the_merchant(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, cookie=await cookie_of(alice)) as looker:
        await looker.next()
        await in_thread(alice.member.delete)
        assert await looker.code() == OVER


@pytest.mark.usefixtures("impatient")
async def test_it_ends_with_the_key_of_its_token(launched: Launched, alice: Person) -> None:
    async with looking(launched.campaign.id, token=await token_of(alice)) as looker:
        await looker.next()
        where = {"merchant_id": alice.merchant_id, "mode": alice.mode, "key_id": str(alice.key_id)}
        await in_thread(lambda: services.revoke_key(**where, actor=ACTOR, now=datetime.now(UTC)))
        assert await looker.code() == OVER


async def test_one_member_may_not_fill_the_house(
    launched: Launched, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "MOST_SOCKETS", 1)
    cookie = await cookie_of(alice)
    async with looking(launched.campaign.id, cookie=cookie) as first:
        await first.next()
        async with looking(launched.campaign.id, cookie=cookie) as second:
            assert await second.code() == TOO_MANY
        async with looking(launched.campaign.id, cookie=await cookie_of(bob)) as another:
            await another.next()
    async with looking(launched.campaign.id, cookie=cookie) as again:
        await again.next()
