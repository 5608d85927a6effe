"""How much may a template cost?

All counts, none of them time: the same template with the same data passes or fails on every machine. Together they
keep one render below a few megabytes and a few tens of milliseconds; the tests of attacks hold them to it.
"""

from __future__ import annotations

# When a template is saved.
SOURCE_CHARS = 64 * 1024  #: one field
TAG_CHARS = 2 * 1024  #: between one `{{` and its `}}`
NODES = 2_000  #: syntax nodes of one field: about 400 `{{ a.b|c }}`
DEPTH = 40  #: of tags and expressions inside each other
LOOP_DEPTH = 2
INTEGER = 10**15  #: the largest whole number that can be written down
CONTENT_NODES = 4 * NODES  #: all fields of one channel together

# When it is rendered; one budget for all fields of one message.
ITERATIONS = 10_000
FUEL = 400_000  #: about one unit for an operation, or for four characters copied
TEXT_CHARS = 256 * 1024  #: any one text that a template makes
OUTPUT_CHARS = 256 * 1024  #: what one field may come to
NUMBER = 10**18  #: the largest result of arithmetic
CPU_SECONDS = 0.5  #: a second net, of this thread's own CPU time, so that a busy machine fails nobody's message

# Compiled templates kept in one process, by how many nodes they have together: 200 bytes each at most, so 40 MB.
CACHED_NODES = 200_000

# What one version of a template may hold, all channels and locales together.
VERSION_BYTES = 1_000_000
