"""What most teams build first: one Celery task a message, and the ORM for every step. A peer for `make bench`."""
