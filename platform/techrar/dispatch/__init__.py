"""Turns what is due into envelopes: the relay, the clock that wakes sleeping rows, and the sweepers."""
