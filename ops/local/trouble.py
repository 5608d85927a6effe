"""What stops a command here, in one sentence for the person who typed it?"""

from __future__ import annotations


class Trouble(Exception):
    """One sentence: what is wrong, where, and what to do."""
