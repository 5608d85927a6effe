"""The production consumer, with the bench's vendors beside the others: `python -m ops.bench.consumer deliver …`."""

from __future__ import annotations

from consumers import __main__ as consumers
from ops.bench import provider

if __name__ == "__main__":
    assert provider.SinkOne.key  # importing it is what registers it
    consumers.main()
