"""Breaks what the service stands on while it works, and checks that nothing is lost, doubled or denied."""
