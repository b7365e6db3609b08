"""Get the pinned tools before a test needs them.

python -m tests.tools [NAME ...]
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.tools import release
from tests.tools.obtain import NAMES, obtain


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools", description="Get the pinned tools.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="a tool of the catalogue; all of them by default")
    parser.add_argument("--failures", type=Path, metavar="DIR", help="write why a tool can't be had to DIR/NAME")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        print(f"no such tool: {', '.join(unknown)}", file=sys.stderr)
        return 1
    failed = 0
    for name in NAMES:
        if options.names and name not in options.names:
            continue
        try:
            obtain(name, lambda line: print(line, flush=True))
        except (release.WrongChecksum, OSError, ValueError, subprocess.CalledProcessError) as error:
            reason = str(error)
            if isinstance(error, subprocess.CalledProcessError):
                reason = f"{' '.join(error.cmd)} failed for {name}:\n{error.stderr or error.output}"
            print(reason, file=sys.stderr, flush=True)
            failed = 1
            if options.failures:
                (options.failures / name).write_text(reason)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
