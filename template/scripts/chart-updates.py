#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "httpx2==2.16.2", "jsonschema==4.26.0", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0", "semver==3.1.1",
# ]
# ///
"""Say which charts have newer versions, and what each of them changes for the values in this repository.

    ./scripts/chart-updates.py media/jellyfin
    ./scripts/chart-updates.py --apply PATCH

It compares default values, schemas, limits for Kubernetes, and the images that helm makes of both charts. Nothing is
changed without --apply, which writes the version's line and nothing else.

Exit codes: 0 nothing newer, 1 updates, 2 an update that something of yours has to change for, 3 something could not be
found out.
"""

import argparse
import difflib
import json
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib.arguments import FAILED, Parser
from lib.change import Change
from lib.chart_updates import apply, pins, report, updates
from lib.chart_updates.pins import Pin
from lib.chart_updates.rendering import is_there
from lib.chart_updates.shelf import Shelf
from lib.chart_updates.sources import Sources
from lib.chart_updates.updates import Home, Result
from lib.chart_updates.versions import number_of
from lib.chart_updates.web import Web
from lib.checks.flux import Cluster
from lib.cluster import version_of
from lib.process import ROOT
from lib.refusal import Refusal
from lib.terminal import done, err, step, warn

NEWER, CARE = 1, 2
# Enough to wait for several registries at a time, not so many that one of them minds.
AT_A_TIME = 8
# From which exit code on --fail-on lets the command fail.
FAIL_ON = {"update": NEWER, "care": CARE, "failure": FAILED}


def main() -> int:
    """Look, tell, and write what was asked for."""
    arguments = parse()
    cluster = Cluster(ROOT)
    unreadable = list(pins.wrong_with(cluster))
    found = selected(pins.pins(cluster), arguments.apps)
    kubernetes = version_of("kubernetes")
    if number_of(kubernetes) is None:
        raise Refusal(f"kubernetesVersion in talos/versions.yaml is {kubernetes}, and no version like v1.2.3.")
    results = look(found, cluster, arguments, kubernetes)
    # JSON has standard output for itself.
    if arguments.json:
        report.out.file = sys.stderr
    else:
        report.show(results, ROOT, kubernetes, with_values=arguments.values)
    applied = write(results, arguments) if arguments.apply else []
    if arguments.json:
        data = report.as_data(results, ROOT, kubernetes)
        data["applied"] = [{"path": edit.place.path, "old": edit.old, "new": edit.new} for edit in applied]
        print(json.dumps(data, indent=2, default=str))
    unknown = [*(f"{text}." for text in unreadable), *updates.unknowns(results)]
    for text in unknown:
        err.print(f"[red]error:[/red] {report.escape(text)}")
    code = FAILED if unknown else code_of(results, applied)
    return code if code >= FAIL_ON[arguments.fail_on] else 0


def parse() -> argparse.Namespace:
    """The command line."""
    parser = Parser(__doc__)
    parser.add_argument("apps", nargs="*", metavar="APP", help="namespace/name of a HelmRelease, all by default")
    parser.add_argument(
        "--apply",
        choices=["PATCH", "MINOR"],
        type=str.upper,
        metavar="PATCH|MINOR",
        help="write newer versions up to this level; one that needs care only for apps that are named",
    )
    parser.add_argument("--charts", action="append", default=[], type=Path, metavar="DIR", help="charts that are here")
    parser.add_argument("--offline", action="store_true", help="only DIR and what helm and helmfile fetched before")
    parser.add_argument("--timeout", type=seconds, default=30, metavar="SECONDS", help="for one answer, 30 by default")
    parser.add_argument("--values", action="store_true", help="show how the default values differ")
    parser.add_argument("--fail-on", choices=FAIL_ON, default="update", help="the least that is a failure: update")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    if missing := [path for path in arguments.charts if not path.is_dir()]:
        raise Refusal(f"--charts {missing[0]} is no folder.")
    return arguments


def seconds(text: str) -> float:
    """A time to wait."""
    if not text.replace(".", "", 1).isdigit() or not 0 < float(text) <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 600 seconds")
    return float(text)


def selected(found: list[Pin], apps: Iterable[str]) -> list[Pin]:
    """The pins of some apps, all without any; Refusal for an app that is none."""
    known = sorted({name for pin in found for name in pin.users})
    names = set()
    for app in apps:
        fitting = [name for name in known if app in (name, name.partition("/")[2])]
        if len(fitting) > 1:
            raise Refusal(f"{app} can be {' or '.join(fitting)}: write which one.")
        if not fitting:
            close = difflib.get_close_matches(app, known, n=1)
            perhaps = f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}."
            raise Refusal(f"{app} is no HelmRelease that Flux applies; {perhaps}")
        names.add(fitting[0])
    return [pin for pin in found if not names or names & set(pin.users)]


def look(found: list[Pin], cluster: Cluster, arguments: argparse.Namespace, kubernetes: str) -> list[Result]:
    """Ask for what is newer, several at a time."""
    if not arguments.json:
        step(f"Comparing {report.charts(len(found))}{' with what is here' if arguments.offline else ''}")
    if not is_there():
        warn("helm is not installed, so images are not compared: `mise install` installs it.")
    web = None if arguments.offline else Web(arguments.timeout)
    # Online the caches say nothing: another repository's chart can have the same name.
    shelf = Shelf.of_caches(*arguments.charts) if arguments.offline else Shelf(tuple(arguments.charts))
    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            return updates.look(found, Sources(shelf, web), Home(pins.settings(cluster), kubernetes), pool)
    finally:
        if web:
            web.close()


def write(results: list[Result], arguments: argparse.Namespace) -> list[apply.Edit]:
    """Say what changes, then change all of it or nothing."""
    named = {name for result in results for name in result.pin.users if is_named(name, arguments.apps)}
    edits, left = apply.chosen(results, arguments.apply.lower(), named)
    for one in left:
        warn(str(one))
    if not edits:
        done(f"Nothing to apply up to {arguments.apply}.")
        return []
    for edit in edits:
        step(str(edit))
    with Change() as change:
        for path, (before, after) in apply.edited(ROOT, edits).items():
            if path.read_bytes().decode() != before:
                raise Refusal(f"{path.relative_to(ROOT)} changes while it is written: nothing was changed.")
            change.write(path, after)
    count = f"{len(edits)} versions are" if len(edits) > 1 else "1 version is"
    done(f"{count} written. `git diff` shows it; nothing is committed.")
    return edits


def is_named(name: str, apps: Iterable[str]) -> bool:
    """Whether the command line names a release."""
    return any(app in (name, name.partition("/")[2]) for app in apps)


def code_of(results: list[Result], applied: list[apply.Edit]) -> int:
    """What the updates that are left amount to."""
    taken = {id(edit.pin): edit.update for edit in applied}
    left = [
        update
        for result in results
        for update in result.updates[
            result.updates.index(taken[id(result.pin)]) + 1 if id(result.pin) in taken else 0 :
        ]
    ]
    return CARE if any(update.needs_care for update in left) else NEWER if left else 0


def run() -> int:
    """Exit code; a refusal is one line on stderr."""
    try:
        return main()
    except Refusal as refusal:
        err.print(f"[red]error:[/red] {report.escape(str(refusal))}")
        return FAILED
    except KeyboardInterrupt:
        err.print("[red]error:[/red] interrupted; nothing is half written.")
        return 130
    except BrokenPipeError:
        # Whoever reads has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


if __name__ == "__main__":
    sys.exit(run())
