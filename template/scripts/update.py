#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["copier==9.19.1", "pygit2==1.21.0", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Let the cluster and every namespace and app follow the template, in one merge that keeps your edits.

Exit codes: 0 when everything follows, 1 when nothing was done, 2 when there is something to decide, or, with --check,
something to update.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from lib import journal, report, updating
from lib.apps import Loader
from lib.blobs import refuse_anything_but_a_repository
from lib.refusal import Refusal
from lib.terminal import answer_to, can_ask, command, done, out, warn

DECIDE = 2


def main() -> None:
    """Nothing is committed; `task update:undo` takes everything back."""
    arguments = parse()
    if arguments.json:
        out.file = sys.stderr
    refuse_anything_but_a_repository()
    with journal.alone():
        if journal.recover():
            warn("an update was interrupted: what it had changed is as it was before.")
        if arguments.undo:
            undo()
        else:
            update(arguments)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", default="", metavar="VERSION", help="version of the template, the newest by default")
    parser.add_argument("--only", nargs="+", default=[], type=Path, metavar="PATH", help="folders, all by default")
    parser.add_argument(
        "--data", action="append", default=[], metavar="KEY=VALUE", help="another answer of the cluster"
    )
    parser.add_argument(
        "--data-file", type=Path, metavar="PATH", help="a YAML file of such answers; --data goes before it"
    )
    parser.add_argument("--check", action="store_true", help="say what would change; exit code 2 when something would")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--diff", action="store_true", help="show the lines that change")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--undo", action="store_true", help="take the last update back, conflicts and all")
    return parser.parse_args()


def undo() -> None:
    """As before the last update."""
    if not journal.undo():
        raise Refusal("there is no update to undo.")
    done("Everything is as it was before the update.")


def update(arguments: argparse.Namespace) -> None:
    """Say what changes, and change it unless only that was wanted."""
    only_say = arguments.check or arguments.dry_run
    if not only_say:
        journal.refuse_unless_clean()
    ask = answer_to if can_ask() and not only_say and not arguments.json else None
    plan = updating.plan(
        arguments.to, {**from_file(arguments.data_file), **from_command_line(arguments.data)}, arguments.only, ask
    )
    if not only_say:
        journal.refuse_what_is_in_the_way({**plan.changes, **plan.undecided})
    if not arguments.json:
        report.show(plan, with_diff=arguments.diff)
    if plan.changes and not only_say:
        journal.apply(plan.changes, plan.conflicts, plan.undecided)
        report.show_next(plan)
    if arguments.json:
        print(json.dumps(report.as_data(plan), indent=2, default=str))
    if (plan.changes and arguments.check) or (plan.conflicts and not arguments.dry_run):
        sys.exit(DECIDE)


def from_file(path: Path | None) -> dict[str, Any]:
    """The answers of --data-file, read as those in .copier-answers.yml are."""
    if path is None:
        return {}
    try:
        found = yaml.load(path.read_text(), Loader)  # noqa: S506, a safe loader
    except OSError as error:
        raise Refusal(f"{path} can't be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} is no YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(found, dict):
        raise Refusal(f"{path} holds no answers: it has lines such as `domain: example.net`.")
    return found


def from_command_line(given: list[str]) -> dict[str, str]:
    """--data as answers; the template's questions know their types."""
    for text in given:
        if "=" not in text:
            raise Refusal(f"--data is question=answer, not {text}.")
    return dict(text.split("=", 1) for text in given)


if __name__ == "__main__":
    command(main)
