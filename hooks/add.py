"""Add a namespace or an app to a cluster's repository.

The entries in generators/ run this, and so does a cluster's `task new:app`.
"""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "template/scripts")]  # the modules that a cluster's scripts share

from lib.refusal import Refusal  # noqa: E402

from hooks import answers, report  # noqa: E402
from hooks.addition import add  # noqa: E402
from hooks.template import Template  # noqa: E402


def main() -> int:
    """The exit code: 0, 1 when it is refused, 130 when it is interrupted."""
    parser = argparse.ArgumentParser(prog="add.py", description=__doc__)
    parser.add_argument("generator", choices=["namespace", "app"])
    parser.add_argument("destination", type=Path, help="kubernetes/apps/<namespace>, and /<name> for an app")
    parser.add_argument("--data", action="append", default=[], metavar="QUESTION=ANSWER")
    parser.add_argument("--data-file", type=Path, help="a YAML file of answers; --data goes before it")
    parser.add_argument("--defaults", action="store_true", help="ask nothing")
    parser.add_argument("--quiet", action="store_true", help="say nothing but why it is refused")
    parser.add_argument("--as-copier", type=json.loads, default={}, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    as_copier = arguments.as_copier
    quiet = arguments.quiet or as_copier.get("quiet", False)
    for interruption in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(interruption, interrupt)
    try:
        if ref := as_copier.get("vcs_ref"):
            raise Refusal(f"--vcs-ref {ref} has no effect on a folder: check {ref} out in the template instead.")
        data = {**from_data_file(arguments.data_file), **from_command_line(arguments.data), **as_copier.get("data", {})}
        defaults = arguments.defaults or as_copier.get("defaults", False)
        addition = add(
            Template.checked_out_in(ROOT), arguments.generator, arguments.destination, data, defaults=defaults
        )
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or 'writing'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing was changed.", file=sys.stderr)
        return 130
    if not quiet:
        for note in addition.notes:
            print(note, file=sys.stderr)
        print(*addition.told, report.next_command(addition.place.repository.root, addition.to_add), sep="\n")
    return 0


def interrupt(*_: object) -> NoReturn:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def from_data_file(path: Path | None) -> dict[str, Any]:
    """The answers of --data-file."""
    if path is None:
        return {}
    try:
        return answers.from_file(path.read_text(), path.name)
    except OSError as error:
        raise Refusal(f"{path} can't be read: {error.strerror}.") from None


def from_command_line(given: list[str]) -> dict[str, Any]:
    """The answers of --data, texts which Copier reads as it reads its own."""
    for text in given:
        if "=" not in text:
            raise Refusal(f"--data {text} is not QUESTION=ANSWER.")
    return dict(text.split("=", 1) for text in given)


if __name__ == "__main__":
    sys.exit(main())
