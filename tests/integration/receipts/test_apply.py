"""What do receipts change, however often, however late and in whatever order they come?"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest

from techrar.core.ids import delivery_id, new_notification_id
from techrar.ledger.states import State
from techrar.receipts import sql
from tests.integration.receipts.conftest import NOON, Desk, Said
from tests.support.ledger import Ledger, session, wait_until_blocked

S = State


def sent(ledger: Ledger, count: int = 1, **options: object) -> list[UUID]:
    """Deliveries that a vendor took."""
    ids = ledger.accept(count, **options)  # type: ignore[arg-type]
    ledger.settle(ledger.take(ledger.flow(**options)), account_id=5)  # type: ignore[arg-type]
    return ids


def test_the_vendors_word_moves_the_row_and_is_in_its_timeline(ledger: Ledger, desk: Desk) -> None:
    delivered, bounced = sent(ledger, 2)
    desk.store(Said("delivered", delivered), Said("bounced", bounced, reason="invalid_address", vendor_id="v-7"))
    assert desk.apply() == 2
    assert (ledger.state(delivered), ledger.state(bounced)) == (S.DELIVERED, S.BOUNCED)
    assert ledger.row(bounced).reason == "invalid_address"
    event = ledger.events(bounced)[-1]
    assert (event.kind, event.reason, event.vendor_id, event.at) == ("bounced", "invalid_address", "v-7", NOON)
    assert ledger.tally() == {"delivered": 1, "bounced": 1}
    assert desk.waiting() == 0
    ledger.assert_balanced()


def test_the_same_word_twice_is_stored_once(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = sent(ledger)
    said = Said("delivered", delivery)
    assert [desk.store(said), desk.store(said, said), desk.store(said, account=6)] == [1, 0, 1]
    desk.apply()
    assert ledger.kinds(delivery)["delivered"] == 2, "another account's word is another word"


@pytest.mark.parametrize("seed", range(4))
def test_46_copies_shuffled_over_many_batches_end_right(ledger: Ledger, desk: Desk, seed: int) -> None:
    """Some vendors repeat themselves dozens of times; each repetition may have an id of its own."""
    ids, dice = sent(ledger, 5), random.Random(seed)
    words = ["sent", "delivered", "opened", "clicked"]
    said = [
        Said(word, i, at=NOON + timedelta(seconds=words.index(word)), event_id=f"{i}-{word}-{copy // 2}")
        for copy in range(46)
        for word in words
        for i in ids
    ]
    dice.shuffle(said)
    while said:
        size = dice.randint(1, 200)
        desk.store(*said[:size])
        said = said[size:]
        desk.apply(limit=dice.choice([1, 7, 500]))
    while desk.apply(limit=100):
        pass
    assert ledger.states() == {"delivered": 5}
    assert ledger.tally() == {"delivered": 5}
    assert {(ledger.row(i).opened_at, ledger.row(i).clicked_at) for i in ids} == {
        (NOON + timedelta(seconds=2), NOON + timedelta(seconds=3))
    }
    assert [ledger.kinds(i) - Counter({"sent": 1}) for i in ids] == [Counter(dict.fromkeys(words, 23))] * 5
    ledger.assert_balanced()


@pytest.mark.parametrize("order", [("delivered", "bounced"), ("bounced", "delivered")])
def test_a_bounce_is_the_last_word_whatever_comes_first(ledger: Ledger, desk: Desk, order: tuple[str, ...]) -> None:
    (delivery,) = sent(ledger)
    for word in order:
        desk.store(Said(word, delivery))
        desk.apply()
    assert ledger.state(delivery) is S.BOUNCED
    assert set(ledger.kinds(delivery)) == {"sent", "delivered", "bounced"}


def test_in_one_batch_the_vendors_time_decides_the_order(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = sent(ledger)
    later = Said("delivered", delivery, at=NOON + timedelta(seconds=9))
    desk.store(later, Said("sent", delivery), Said("opened", delivery, at=NOON + timedelta(seconds=10)))
    desk.apply()
    assert [e.kind for e in ledger.events(delivery)] == ["sent", "sent", "delivered", "opened"]


def test_a_receipt_may_come_before_our_own_outcome(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = ledger.accept()
    claimed = ledger.take(ledger.flow())
    desk.store(Said("sent", delivery), Said("delivered", delivery, at=NOON + timedelta(seconds=1)))
    desk.apply()
    assert ledger.state(delivery) is S.DELIVERED
    ledger.settle(claimed, account_id=5, attempt=1, cost_micros=9, currency="EUR", vendor_id="v-1")
    row = ledger.row(delivery)
    assert (row.state, row.account_id, row.cost_micros, row.attempt) == (S.DELIVERED, 5, 9, 1)
    ledger.assert_balanced()


def test_a_receipt_settles_what_nobody_saw_end(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = ledger.accept()
    ledger.settle(ledger.take(ledger.flow()), S.UNKNOWN, reason="timeout")
    desk.store(Said("delivered", delivery))
    desk.apply()
    assert (ledger.state(delivery), ledger.row(delivery).reason) == (S.DELIVERED, "")
    assert ledger.tally() == {"delivered": 1}


def test_a_receipt_for_a_row_that_waits_to_be_repeated_stops_the_repetition(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = ledger.accept()
    ledger.settle(ledger.take(ledger.flow()), S.ACCEPTED, possible_duplicate=True)
    (again,) = ledger.reserve(ledger.flow())
    desk.store(Said("delivered", delivery))
    desk.apply()
    assert ledger.claim(again).rows == []
    assert ledger.state(delivery) is S.DELIVERED


@pytest.mark.parametrize("ended", [S.FAILED, S.DEAD, S.CANCELLED, S.EXPIRED])
def test_what_has_ended_otherwise_keeps_its_state_but_the_word_is_noted(
    ledger: Ledger, desk: Desk, ended: State
) -> None:
    (delivery,) = ledger.accept()
    ledger.settle(ledger.take(ledger.flow()), ended)
    desk.store(Said("delivered", delivery))
    desk.apply()
    assert ledger.state(delivery) is ended
    assert ledger.kinds(delivery)["delivered"] == 1
    ledger.assert_balanced()


def test_the_first_opening_counts(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = sent(ledger)
    for minute in (2, 1, 3):
        desk.store(Said("opened", delivery, at=NOON + timedelta(minutes=minute)))
        desk.apply()
    assert ledger.row(delivery).opened_at == NOON + timedelta(minutes=2), "the first that we heard of"
    assert ledger.kinds(delivery)["opened"] == 3


@pytest.mark.parametrize("whose", [{"merchant": 2}, {"mode": 1}])
def test_an_id_that_belongs_to_somebody_else_matches_nothing(ledger: Ledger, desk: Desk, whose: dict[str, int]) -> None:
    (delivery,) = sent(ledger)
    desk.store(Said("bounced", delivery), **whose)
    desk.apply()
    assert ledger.state(delivery) is S.SENT
    assert ledger.kinds(delivery) == {"sent": 1}
    assert desk.waiting() == 1


@pytest.mark.parametrize("nonsense", [UUID(int=0), UUID(int=2**128 - 1), uuid4()])
def test_an_id_that_names_nothing_is_kept_and_harms_nobody(ledger: Ledger, desk: Desk, nonsense: UUID) -> None:
    (delivery,) = sent(ledger)
    desk.store(Said("bounced", nonsense), Said("delivered", delivery))
    desk.apply()
    assert ledger.state(delivery) is S.DELIVERED
    assert desk.waiting() == 1


def test_a_receipt_that_knows_only_the_vendors_id_finds_its_delivery(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = ledger.accept()
    claimed = ledger.take(ledger.flow())
    desk.store(Said("delivered", vendor_id="v-1"))
    desk.apply()
    assert (ledger.state(delivery), desk.waiting()) == (S.SENDING, 1), "it is faster than our outcome, and is kept"
    ledger.settle(claimed, account_id=5, vendor_id="v-1", vendor_index=True)
    retry_now(ledger)
    desk.apply()
    assert (ledger.state(delivery), desk.waiting()) == (S.DELIVERED, 0)


def test_a_vendors_id_of_another_account_is_another_id(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = ledger.accept()
    ledger.settle(ledger.take(ledger.flow()), account_id=5, vendor_id="v-1", vendor_index=True)
    desk.store(Said("bounced", vendor_id="v-1"), account=6)
    desk.apply()
    assert ledger.state(delivery) is S.SENT


def test_what_matches_nothing_is_kept_and_matched_when_its_delivery_is_there(ledger: Ledger, desk: Desk) -> None:
    name = new_notification_id()
    desk.store(Said("delivered", delivery_id(name, 1)))
    desk.apply()
    assert desk.waiting() == 1
    ledger.accept(ids=[name])
    retry_now(ledger)
    desk.apply()
    assert (ledger.state(delivery_id(name, 1)), desk.waiting()) == (S.DELIVERED, 0)


def test_it_is_tried_again_less_and_less_often_and_given_up_after_72_hours(ledger: Ledger, desk: Desk) -> None:
    desk.store(Said("delivered", uuid4()))
    waits = []
    for _ in range(8):
        retry_now(ledger)
        desk.apply()
        waits.append(ledger.one("SELECT round(extract(epoch FROM try_at - now()))::int FROM receipt"))
    assert waits == [1, 4, 16, 64, 256, 1024, 3600, 3600]
    ledger.connection.execute("UPDATE receipt SET received_at = now() - interval '73 hours'")
    retry_now(ledger)
    desk.apply()
    assert desk.waiting() == 0
    assert ledger.count("receipt") == 1


def test_two_processes_at_once_share_the_work(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 6)
    desk.store(*(Said("delivered", i) for i in ids))
    with session(ledger.dsn) as other, other.transaction():
        assert len(other.execute(sql.PICK, {"limit": 4}).fetchall()) == 4
        assert desk.apply() == 2
    assert desk.apply() == 4
    assert ledger.tally() == {"delivered": 6}
    assert {ledger.kinds(i)["delivered"] for i in ids} == {1}


def test_whoever_waits_for_a_row_holds_no_counter(ledger: Ledger, desk: Desk) -> None:
    """Else the holder of that row, who is about to count it, would wait back."""
    first, second = sent(ledger, 2)
    desk.store(Said("delivered", first), Said("opened", second))
    with session(ledger.dsn) as consumer:
        applying = Thread(target=desk.apply)
        with consumer.transaction():
            consumer.execute("SELECT FROM delivery WHERE id = %s FOR UPDATE", (second,))
            applying.start()
            wait_until_blocked(ledger, by=consumer.info.backend_pid)
            consumer.execute("UPDATE tally SET cost_micros = cost_micros")
        applying.join()
    assert ledger.states() == {"delivered": 1, "sent": 1}


def retry_now(ledger: Ledger) -> None:
    ledger.connection.execute("UPDATE receipt SET try_at = now() WHERE try_at IS NOT NULL")
