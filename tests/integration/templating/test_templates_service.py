"""What do the rows say after templates were made, changed, published and archived?"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from techrar.core.errors import Conflict, Invalid, NotFound
from techrar.core.mode import Mode
from techrar.merchants.models import AuditEntry, Merchant
from techrar.merchants.services import Actor
from techrar.templating import selectors, services
from techrar.templating.models import Template, TemplateVersion
from techrar.templating.problems import TemplateProblem
from tests.factories import make_merchant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTENT = {"sms": {"text": "Order {{ number }} left"}, "email": {"subject": "Order {{ number }}", "text": "It left."}}
OTHER = {"sms": {"text": "{{ number }} is on its way"}}

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant() -> Merchant:
    return make_merchant()


def where(merchant: Merchant, key: str = "order_shipped", mode: Mode = Mode.TEST) -> dict[str, Any]:
    return {"merchant_id": merchant.id, "mode": mode, "key": key}


def how() -> dict[str, Any]:
    return {"actor": Actor("key:1", "request-1"), "now": NOW}


def make(merchant: Merchant, key: str = "order_shipped", mode: Mode = Mode.TEST, **fields: Any) -> TemplateVersion:
    return services.create_template(**where(merchant, key, mode), **how(), **{"content": CONTENT, **fields})


def number_sent(merchant: Merchant, number: int | None = None) -> int:
    return selectors.published_version(merchant.id, Mode.TEST, "order_shipped", number).number


def test_a_new_template_is_published_at_once(merchant: Merchant) -> None:
    version = make(merchant)
    assert (version.number, version.state, version.published_at) == (1, "published", NOW)
    assert number_sent(merchant) == 1
    assert version.template.published_version_id == version.id


def test_a_draft_is_not_sent(merchant: Merchant) -> None:
    make(merchant, publish=False)
    with pytest.raises(NotFound):
        number_sent(merchant)
    with pytest.raises(NotFound):
        number_sent(merchant, 1)


def test_publishing_and_rolling_back_change_what_is_sent(merchant: Merchant) -> None:
    make(merchant)
    draft = services.add_version(**where(merchant), **how(), content=OTHER)
    assert (draft.number, draft.state, number_sent(merchant)) == (2, "draft", 1)
    for _ in range(2):
        services.publish(**where(merchant), **how(), number=2)
    assert number_sent(merchant) == 2
    assert number_sent(merchant, 1) == 1, "what was published once can still be asked for"
    services.publish(**where(merchant), **how(), number=1)
    assert number_sent(merchant) == 1
    states = dict(TemplateVersion.objects.values_list("number", "state"))
    assert states == {1: "published", 2: "retired"}


def test_saving_the_same_content_twice_adds_one_version(merchant: Merchant) -> None:
    make(merchant)
    first = services.add_version(**where(merchant), **how(), content=OTHER)
    again = services.add_version(**where(merchant), **how(), content=OTHER)
    assert (first.id, first.number) == (again.id, 2)
    published = services.add_version(**where(merchant), **how(), content=OTHER, publish=True)
    assert (published.id, published.state) == (first.id, "published")


def test_a_version_never_changes(merchant: Merchant) -> None:
    version = make(merchant)
    for change in ({"content": OTHER}, {"number": 7}, {"translations": {"de": OTHER}}):
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            TemplateVersion.objects.filter(id=version.id).update(**change)


def test_two_cannot_be_published_at_once(merchant: Merchant) -> None:
    make(merchant)
    services.add_version(**where(merchant), **how(), content=OTHER)
    with pytest.raises(DatabaseError), transaction.atomic():
        TemplateVersion.objects.update(state="published")


def test_a_key_is_taken_once_per_merchant_and_mode_until_archived(merchant: Merchant) -> None:
    first = make(merchant)
    with pytest.raises(Conflict, match="already"):
        make(merchant)
    make(merchant, mode=Mode.LIVE)
    make(make_merchant())
    services.archive(**where(merchant), **how())
    with pytest.raises(NotFound):
        number_sent(merchant)
    second = make(merchant, content=OTHER)
    assert second.template_id != first.template_id
    assert selectors.version_content(first.id).content == CONTENT, "what was accepted before is still sent"


def test_bad_content_leaves_nothing_behind(merchant: Merchant) -> None:
    with pytest.raises(TemplateProblem):
        make(merchant, content={"sms": {"text": "{{ a.b() }}"}})
    make(merchant, key="good")
    with pytest.raises(TemplateProblem):
        services.add_version(**where(merchant, "good"), **how(), content={"sms": {"text": "{{"}})
    assert list(Template.objects.values_list("key", flat=True)) == ["good"]
    assert TemplateVersion.objects.count() == 1


@pytest.mark.parametrize("key", ["", "Order", "a b", "ä", "-a", "a" * 65, "a/b"])
def test_a_key_that_cannot_stand_in_an_address_is_refused(merchant: Merchant, key: str) -> None:
    with pytest.raises(Invalid, match="lower case"):
        make(merchant, key=key)


def test_a_category_is_a_key_too(merchant: Merchant) -> None:
    with pytest.raises(Invalid, match="category"):
        make(merchant, category="My Category")


def test_what_was_done_is_in_the_audit_log(merchant: Merchant) -> None:
    make(merchant)
    services.add_version(**where(merchant), **how(), content=OTHER, publish=True)
    services.archive(**where(merchant), **how())
    done = AuditEntry.objects.filter(merchant=merchant).order_by("id")
    assert [entry.action for entry in done] == [
        "template.created",
        "template.version_added",
        "template.published",
        "template.version_added",
        "template.published",
        "template.archived",
    ]
    assert {(entry.actor, entry.request_id) for entry in done} == {("key:1", "request-1")}


def test_content_is_read_once_per_process(
    merchant: Merchant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = make(merchant, translations={"pt": {"sms": {"text": "Pedido {{ number }}"}}})
    with django_assert_num_queries(1):
        stored = selectors.version_content(version.id)
        assert selectors.version_content(version.id) is stored
    assert (stored.template_key, stored.number, stored.category) == ("order_shipped", 1, "transactional")
    assert list(stored.content) == ["email", "sms"], "channels come in the same order as in content sent inline"
    assert stored.for_locale("pt-BR")["sms"] == {"text": "Pedido {{ number }}"}
    assert stored.for_locale("pt-BR")["email"] == CONTENT["email"]
    assert stored.locale_of("sms", "pt-BR") == "pt"
    with pytest.raises(NotFound):
        selectors.version_content(uuid4())


def test_looking_up_what_to_send_is_one_query_without_the_content(
    merchant: Merchant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make(merchant)
    with django_assert_num_queries(1) as queries:
        version = selectors.published_version(merchant.id, Mode.TEST, "order_shipped")
        assert version.template.category == "transactional"
    assert '"translations"' not in queries[0]["sql"]


def test_a_template_goes_with_its_versions(merchant: Merchant) -> None:
    make(merchant).template.delete()
    assert not TemplateVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_versions_added_at_the_same_moment_get_numbers_of_their_own() -> None:
    merchant = make_merchant()
    make(merchant)
    start = threading.Barrier(4)

    def add(which: int) -> None:
        start.wait(timeout=10)
        text = {"sms": {"text": f"{which} {{{{ number }}}}"}}
        try:
            services.add_version(**where(merchant), **how(), content=text, publish=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(4)))
    assert sorted(TemplateVersion.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert number_sent(merchant) == 5
