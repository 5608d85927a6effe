"""What do the messages of a batch have in common, and in what do they differ?

Some vendors take one text per call, with tags that stand for something else in each recipient's copy. Our messages are
rendered before they get here, so the tags are found again: texts of one template are cut at tags and line ends, and
the pieces that are not the same everywhere become tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

_PIECE = re.compile(r"[^>\n]*[>\n]|[^>\n]+")

Values = list[dict[str, str]]


def shape(parts: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Messages of one shape are likely to be of one template, and have the same parts."""
    return tuple((part, text.count(">") + text.count("\n")) for part, text in sorted(parts.items()))


def common(texts: Sequence[str], name: str, tag: Callable[[str], str], *, reserved: str = "\0") -> tuple[str, Values]:
    """The text with tags in it, and for each of the texts what its tags stand for.

    A piece with `reserved` in it becomes a tag in any case: to the vendor it would mean something.
    """
    pieces = [_PIECE.findall(text) for text in texts]
    if len({len(found) for found in pieces}) > 1:
        pieces = [[text] for text in texts]
    skeleton: list[str] = []
    values: Values = [{} for _ in texts]
    for column in zip(*pieces, strict=True):
        if len(set(column)) == 1 and reserved not in column[0]:
            skeleton.append(column[0])
            continue
        key = f"{name}{len(values[0])}"
        skeleton.append(tag(key))
        for value, piece in zip(values, column, strict=True):
            value[key] = piece
    return "".join(skeleton), values


def mailing(
    messages: Sequence[Mapping[str, str]], tag: Callable[[str], str], *, reserved: str = "\0"
) -> tuple[dict[str, str], Values]:
    """`common` for every part of messages that have the same parts."""
    skeletons: dict[str, str] = {}
    values: Values = [{} for _ in messages]
    for part in messages[0]:
        skeletons[part], found = common([parts[part] for parts in messages], part, tag, reserved=reserved)
        for value, more in zip(values, found, strict=True):
            value.update(more)
    return skeletons, values
