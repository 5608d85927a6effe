"""What do receipts say about the addresses that messages went to?"""

from __future__ import annotations

import random
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from techrar.core.mode import Mode
from techrar.ledger.states import State
from tests.integration.receipts.conftest import NOON, Desk, Said
from tests.support.ledger import Ledger, session, wait_until_blocked

ANN = "ann@example.com"


def sent(ledger: Ledger, count: int = 1, *, address: str = ANN, **options: Any) -> list[UUID]:
    """Messages to one address that a vendor took."""
    ids = ledger.accept(count, address=address, **options)
    ledger.settle(ledger.take(ledger.flow(**options)), account_id=5)
    return ids


def suppressed(ledger: Ledger) -> list[tuple[Any, ...]]:
    found = ledger.all("SELECT merchant_id, mode, channel, address, reason FROM suppression ORDER BY id")
    return [tuple(row) for row in found]


def hard(delivery: UUID) -> Said:
    return Said("bounced", delivery, reason="invalid_address", permanent=True)


def soft(delivery: UUID, minute: int = 0) -> Said:
    return Said("bounced", delivery, reason="unreachable", at=NOON + timedelta(minutes=minute))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"kind": "bounced", "permanent": True, "reason": "invalid_address"}, "bounced"),
        ({"kind": "bounced", "permanent": True, "reason": "unsubscribed"}, "unsubscribed"),
        ({"kind": "complained"}, "complaint"),
        ({"kind": "unsubscribed"}, "unsubscribed"),
    ],
)
def test_what_ends_the_matter_suppresses_the_address_at_once(
    ledger: Ledger, desk: Desk, said: dict[str, Any], reason: str
) -> None:
    (delivery,) = sent(ledger)
    desk.store(Said(delivery=delivery, **said))
    desk.apply()
    assert suppressed(ledger) == [(1, Mode.TEST.code, "email", ANN, reason)]
    ledger.accept(address=ANN)
    assert [row.suppressed for row in ledger.take(ledger.flow()).rows] == [True]


@pytest.mark.parametrize("kind", ["sent", "delivered", "opened", "clicked", "read", "bounced", "unknown"])
def test_nothing_else_does(ledger: Ledger, desk: Desk, kind: str) -> None:
    desk.store(Said(kind, sent(ledger)[0]))
    desk.apply()
    assert suppressed(ledger) == []


def test_the_first_reason_stays(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = sent(ledger)
    desk.store(Said("complained", delivery, at=NOON + timedelta(minutes=1)), hard(delivery))
    desk.apply()
    desk.store(Said("unsubscribed", delivery))
    desk.apply()
    assert [row[-1] for row in suppressed(ledger)] == ["bounced"]


@pytest.mark.parametrize("whose", [{"merchant": 2}, {"mode": 1}])
def test_a_word_about_somebody_elses_message_suppresses_nothing(
    ledger: Ledger, desk: Desk, whose: dict[str, int]
) -> None:
    desk.store(hard(*sent(ledger)), **whose)
    desk.apply()
    assert suppressed(ledger) == []


def test_five_that_bounce_for_now_in_a_row_end_the_matter(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 5)
    desk.store(*(soft(i) for i in ids[:4]))
    desk.apply()
    desk.store(*(Said("bounced", i, reason="unreachable") for i in ids[:4]))
    desk.apply()
    assert suppressed(ledger) == [], "four messages, however often it is said of them"
    desk.store(soft(ids[4]))
    desk.apply()
    assert [row[3:] for row in suppressed(ledger)] == [(ANN, "soft_bounced")]
    assert ledger.count("soft_bounce") == 0


def test_one_that_arrives_in_between_ends_the_row(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 6)
    said = [soft(i, minute) for minute, i in enumerate(ids)]
    said[2] = Said("delivered", ids[2], at=said[2].at)
    for one in said:
        desk.store(one)
        desk.apply()
    assert (suppressed(ledger), ledger.count("soft_bounce")) == ([], 3)


def test_in_one_batch_the_vendors_time_decides_what_comes_in_between(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 6)
    said = [soft(i, minute) for minute, i in enumerate(ids)]
    said[3] = Said("delivered", ids[3], at=said[3].at)
    random.Random(1).shuffle(said)
    desk.store(*said)
    desk.apply()
    assert (suppressed(ledger), ledger.count("soft_bounce")) == ([], 2)


def test_a_message_that_arrives_and_then_bounces_has_bounced(ledger: Ledger, desk: Desk) -> None:
    (delivery,) = sent(ledger)
    desk.store(soft(delivery), Said("delivered", delivery, at=NOON + timedelta(minutes=1)))
    desk.apply()
    assert ledger.count("soft_bounce") == 1


def test_each_address_and_each_channel_has_a_row_of_its_own(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 4) + sent(ledger, 4, address="ben@example.com") + sent(ledger, 4, channel="push")
    desk.store(*(soft(i) for i in ids))
    desk.apply()
    assert suppressed(ledger) == []


def test_an_address_that_ends_for_two_reasons_at_once_has_one_and_is_counted_no_more(
    ledger: Ledger, desk: Desk
) -> None:
    ids = sent(ledger, 6)
    desk.store(*(soft(i) for i in ids[:5]), hard(ids[5]))
    desk.apply()
    assert ([row[-1] for row in suppressed(ledger)], ledger.count("soft_bounce")) == (["bounced"], 0)


def test_after_a_suppression_is_lifted_the_count_begins_again(ledger: Ledger, desk: Desk) -> None:
    ids = sent(ledger, 6)
    desk.store(*(soft(i) for i in ids[:5]))
    desk.apply()
    ledger.connection.execute("DELETE FROM suppression")
    desk.store(soft(ids[5]))
    desk.apply()
    assert suppressed(ledger) == []


@pytest.mark.parametrize("seed", range(4))
def test_46_copies_shuffled_leave_one_suppression_each_and_the_right_states(
    ledger: Ledger, desk: Desk, seed: int
) -> None:
    dead, angry, full, fine = (
        sent(ledger, n, address=f"{who}@example.com")
        for n, who in [(3, "dead"), (2, "angry"), (5, "full"), (3, "fine")]
    )
    words = [(hard, i) for i in dead] + [(soft, i) for i in full]
    said = [make(i) for make, i in words for _ in range(46)]
    said += [Said(word, i) for i in angry for word in ("delivered", "complained") for _ in range(46)]
    said += [Said(word, i) for i in fine for word in ("sent", "delivered", "opened") for _ in range(46)]
    dice = random.Random(seed)
    dice.shuffle(said)
    while said:
        size = dice.randint(1, 200)
        desk.store(*said[:size])
        said = said[size:]
        desk.apply(limit=dice.choice([1, 7, 500]))
    while desk.apply(limit=100):
        pass
    assert sorted(row[3:] for row in suppressed(ledger)) == [
        ("angry@example.com", "complaint"),
        ("dead@example.com", "bounced"),
        ("full@example.com", "soft_bounced"),
    ]
    assert {ledger.state(i) for i in dead + full} == {State.BOUNCED}
    assert {ledger.state(i) for i in angry + fine} == {State.DELIVERED}
    assert ledger.tally() == {"bounced": 8, "delivered": 5}
    ledger.assert_balanced()


def test_whoever_waits_for_an_address_holds_no_counter(ledger: Ledger, desk: Desk) -> None:
    """Else the one who suppresses it, and is about to count, would wait back."""
    (delivery,) = sent(ledger)
    desk.store(hard(delivery))
    with session(ledger.dsn) as other:
        applying = Thread(target=desk.apply)
        with other.transaction():
            other.execute(
                "INSERT INTO suppression (merchant_id, mode, channel, address, reason)"
                " VALUES (1, 0, 'email', %s, 'manual')",
                (ANN,),
            )
            applying.start()
            wait_until_blocked(ledger, by=other.info.backend_pid)
            other.execute("UPDATE tally SET cost_micros = cost_micros")
        applying.join()
    assert (ledger.state(delivery), [row[-1] for row in suppressed(ledger)]) == (State.BOUNCED, ["manual"])
