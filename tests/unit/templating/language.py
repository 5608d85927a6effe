"""Short hands for tests that try single texts."""

from __future__ import annotations

from typing import Any

import pytest

from techrar.templating.problems import Failure, Refused
from techrar.templating.sandbox import compile_source
from techrar.templating.work import Work


def run(source: str, *, escape: bool = False, **variables: Any) -> str:
    return compile_source(source, escape=escape).run(variables, Work())


def refused(source: str) -> Refused:
    with pytest.raises(Refused) as caught:
        compile_source(source, escape=False)
    return caught.value


def failing(source: str, **variables: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        run(source, **variables)
    return caught.value
