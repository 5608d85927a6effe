"""May this be sent now, and what happens after a call? Pure: facts in, verdicts out."""
