"""Under which name do those meet who change a run and those who look at it?"""

from __future__ import annotations

#: (merchant, run)
Watched = tuple[int, int]


def run_group(watched: Watched) -> str:
    merchant, run = watched
    return f"run.{merchant}.{run}"
