"""Does a subscription of Amazon SNS to our address confirm itself, and only that of the account's own topic?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import orjson
import pytest
from django.db import connection
from django.http import HttpResponse

from providers.http import Network
from techrar.core.mode import Mode
from techrar.merchants.services import Actor
from techrar.receipts import fetch
from techrar.routing import services
from techrar.routing.models import ProviderAccount
from tests.factories import Person, make_client
from tests.support import sns
from tests.support.email_events import DELIVERY
from tests.support.http_receiver import Receiver, Reply
from tests.support.vendor import GUARD, Ports, certificate


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Amazon's SNS, in a thread with a loop of its own: it must answer while a view waits for it."""
    server, trusting = certificate(sns.HOST)
    receiver, loop = Receiver(tls=server), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(receiver.__aenter__(), loop).result(10)
    ports = Ports({sns.HOST: receiver.port})
    monkeypatch.setattr(fetch, "network", lambda: Network(guard=GUARD, resolver=ports, tls=trusting))
    yield receiver
    asyncio.run_coroutine_threadsafe(receiver.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def account(alice: Person) -> ProviderAccount:
    return services.create_account(
        merchant_id=alice.merchant_id,
        mode=Mode.LIVE,
        channel="email",
        provider="ses",
        name="Main",
        config={"region": "eu-west-1", "access_key_id": "A", "secret_access_key": "s", "topic_arn": sns.TOPIC},
        actor=Actor(name="user:1", request_id="req-1"),
        now=datetime.now(UTC),
    )


def post(account: ProviderAccount, body: bytes) -> HttpResponse:
    return make_client().generic("POST", f"/hooks/ses/{account.token}", body, "text/plain; charset=UTF-8")


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM receipt")
        return int(cursor.fetchone()[0])


def subscription(**fields: Any) -> bytes:
    return sns.posted("Confirm?", at=datetime.now(UTC), kind="SubscriptionConfirmation", **fields)


def test_a_new_subscription_confirms_itself(account: ProviderAccount, amazon: Receiver) -> None:
    amazon.replies.extend([Reply(200, sns.certificate()), Reply(200, b"<ConfirmSubscriptionResponse/>")])
    answer = post(account, subscription())
    assert (answer.status_code, orjson.loads(answer.content)) == (200, {"stored": 0})
    certificate, confirmed = amazon.received
    assert certificate.path.endswith(".pem")
    assert (confirmed.method, confirmed.path) == (
        "GET",
        f"/?Action=ConfirmSubscription&TopicArn={sns.TOPIC}&Token=2336412f37fb",
    )
    assert confirmed.headers["Host"] == sns.HOST


def test_what_the_topic_says_afterwards_is_stored_once(account: ProviderAccount, amazon: Receiver) -> None:
    amazon.replies.append(Reply(200, sns.certificate()))
    mail = {"messageId": "0102-0", "tags": {"delivery_id": [str(DELIVERY)]}}
    body = sns.posted({"eventType": "Delivery", "mail": mail, "delivery": {}}, at=datetime.now(UTC))
    answers = [post(account, body) for _ in range(2)]
    assert [orjson.loads(answer.content) for answer in answers] == [{"stored": 1}] * 2
    assert (stored(), len(amazon.received)) == (1, 1)


def test_another_topic_is_not_confirmed(account: ProviderAccount, amazon: Receiver) -> None:
    answer = post(account, subscription(TopicArn=sns.TOPIC + "2"))
    assert (answer.status_code, amazon.received) == (401, [])


def test_a_confirmation_that_leads_elsewhere_is_not_visited(account: ProviderAccount, amazon: Receiver) -> None:
    amazon.replies.append(Reply(200, sns.certificate()))
    answer = post(account, subscription(SubscribeURL="https://internal.example/"))
    assert (answer.status_code, len(amazon.received)) == (401, 1)


@pytest.mark.parametrize("trouble", [Reply(500), Reply(302), Reply(cut=True)])
def test_while_amazon_does_not_answer_sns_is_told_to_try_again(
    account: ProviderAccount, amazon: Receiver, trouble: Reply
) -> None:
    amazon.replies.extend([Reply(200, sns.certificate()), trouble, trouble])  # a GET that breaks off is made once more
    answer = post(account, subscription())
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (503, "unavailable")


def test_a_receipt_that_is_proved_and_cannot_be_read_is_said_to_be_so(alice: Person) -> None:
    account = services.create_account(
        merchant_id=alice.merchant_id,
        mode=Mode.LIVE,
        channel="email",
        provider="postmark",
        name="Main",
        config={"server_token": "t", "webhook_username": "hook", "webhook_password": "p"},
        actor=Actor(name="user:1", request_id="req-1"),
        now=datetime.now(UTC),
    )
    headers = {"Authorization": "Basic aG9vazpw"}
    path = f"/hooks/postmark/{account.token}"
    answer = make_client().generic("POST", path, b'{"Recor', "application/json", headers=headers)
    assert (answer.status_code, orjson.loads(answer.content)["code"]) == (400, "unreadable_receipt")
    assert stored() == 0
