"""Every test here has the ledger for itself."""

from tests.support.ledger import ledger

__all__ = ["ledger"]
