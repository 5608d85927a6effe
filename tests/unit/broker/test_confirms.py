"""Is a message confirmed only when its own tag was acknowledged and not returned?"""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from techrar.broker.confirms import Confirms, Verdict, summarise


def five() -> tuple[Confirms, list[UUID]]:
    confirms, ids = Confirms(), [uuid4() for _ in range(5)]
    for publish_id in ids:
        confirms.wrote(publish_id)
    return confirms, ids


def test_tags_count_from_one_in_the_order_of_writing() -> None:
    confirms = Confirms()
    assert confirms.next_tag == 1
    assert [confirms.wrote(uuid4()) for _ in range(3)] == [1, 2, 3]


def test_one_answer_can_settle_all_up_to_a_tag() -> None:
    confirms, ids = five()
    settled = confirms.answered(3, multiple=True, taken=True)
    assert settled == [(tag, ids[tag - 1], Verdict.CONFIRMED) for tag in (1, 2, 3)]
    assert len(confirms) == 2


def test_answers_may_come_out_of_order() -> None:
    confirms, ids = five()
    assert confirms.answered(4, multiple=False, taken=True) == [(4, ids[3], Verdict.CONFIRMED)]
    assert [tag for tag, *_ in confirms.answered(5, multiple=True, taken=True)] == [1, 2, 3, 5]


def test_tag_zero_with_multiple_means_all() -> None:
    confirms, _ = five()
    assert len(confirms.answered(0, multiple=True, taken=False)) == 5
    assert len(confirms) == 0


def test_a_returned_message_is_not_confirmed_although_the_broker_acknowledges_it() -> None:
    confirms, ids = five()
    confirms.returned(2)
    verdicts = {publish_id: verdict for _, publish_id, verdict in confirms.answered(5, multiple=True, taken=True)}
    assert verdicts[ids[1]] is Verdict.RETURNED
    assert list(verdicts.values()).count(Verdict.CONFIRMED) == 4


def test_a_refusal_is_a_refusal() -> None:
    confirms, ids = five()
    assert confirms.answered(1, multiple=False, taken=False) == [(1, ids[0], Verdict.REFUSED)]


def test_an_answer_that_nobody_waits_for_settles_nothing() -> None:
    confirms, _ = five()
    confirms.answered(2, multiple=False, taken=True)
    assert confirms.answered(2, multiple=False, taken=True) == []
    assert confirms.answered(9, multiple=False, taken=True) == []


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.booleans()), max_size=20), st.sets(st.integers(1, 10)))
def test_whatever_the_broker_answers_every_message_is_settled_at_most_once(
    answers: list[tuple[int, bool, bool]], returned: set[int]
) -> None:
    confirms, ids = Confirms(), [uuid4() for _ in range(10)]
    for publish_id in ids:
        confirms.wrote(publish_id)
    for tag in returned:
        confirms.returned(tag)
    settled = [s for tag, multiple, taken in answers for s in confirms.answered(tag, multiple=multiple, taken=taken)]
    assert len({tag for tag, *_ in settled}) == len(settled)
    assert len(settled) + len(confirms) == 10
    assert all(tag not in returned for tag, _, verdict in settled if verdict is Verdict.CONFIRMED)


def test_a_summary_puts_every_publish_id_in_exactly_one_place() -> None:
    a, b, c, d, e = (uuid4() for _ in range(5))
    verdicts = {a: Verdict.CONFIRMED, b: Verdict.RETURNED, c: Verdict.REFUSED}
    done = summarise([a, b, c, d, e], [a, b, c, d], verdicts)
    assert (done.confirmed, done.returned, done.refused, done.unknown, done.unsent) == ({a}, {b}, {c}, {d}, {e})
    assert done.failed == {b, c, d, e}
    assert "no queue took 1 message(s)" in done.error


def test_a_summary_without_trouble_has_no_error() -> None:
    a = uuid4()
    assert summarise([a], [a], {a: Verdict.CONFIRMED}).error == ""
