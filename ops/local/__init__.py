"""Servers and a supervisor for a laptop and for tests. Knows nothing of Django; needs nothing but Python."""
