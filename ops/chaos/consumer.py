"""The consumers of production, with the vendors of this folder beside the others: `python -m ops.chaos.consumer …`."""

from __future__ import annotations

import ops.chaos.providers  # noqa: F401 - to be registered is all it is here for
from consumers.__main__ import main

if __name__ == "__main__":
    main()
