"""Runs management commands one after the other in one process: every start of Django costs a second somebody waits for.

Each line of input is a command as a JSON list; each answer is a line `\\x1e{"code": …, "output": …}`.
"""

from __future__ import annotations

import io
import json
import sys
import traceback

MARK = "\x1e"


def main() -> None:
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    for line in sys.stdin:
        output = io.StringIO()
        try:
            call_command(*json.loads(line), stdout=output, stderr=output)
            code = 0
        except CommandError as error:
            output.write(f"{error}\n")
            code = error.returncode
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except Exception:  # noqa: BLE001 - the outermost loop: whatever it is, whoever asked gets to see it
            output.write(traceback.format_exc())
            code = 1
        sys.stdout.write(f"{MARK}{json.dumps({'code': code, 'output': output.getvalue()})}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
