#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "rich==15.0.0"]
# ///
"""Find in the files what would break the cluster: what Flux applies, after every patch, in the namespace it ends up in.

    ./scripts/check-flux-config.py kubernetes/apps/media

A finding that is meant to be so is waived in its line, or in a comment above: `# allow <rule>: <reason>`.

Exit codes: 0 nothing found, 1 warnings, 2 errors, 3 the check itself failed.
"""

import argparse
import os
import sys
from pathlib import Path

from lib.checks import output, topics
from lib.checks.flux import Cluster
from lib.checks.graph_picture import graph_picture
from lib.checks.rules import RULES, findings
from lib.process import ROOT

assert topics


def main() -> int:
    """Print what the rules find, or explain one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only what is found there, all by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="another repository of this layout")
    parser.add_argument("--rule", action="append", default=[], metavar="ID", help="only this rule")
    parser.add_argument("--explain", metavar="ID", help="what a rule is about; all for a list")
    parser.add_argument("--format", choices=["text", "github"], default="text", help="github annotates the lines")
    parser.add_argument("--graph", action="store_true", help="what waits for what, as a Mermaid flowchart; no findings")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    if unknown := [name for name in [*arguments.rule, arguments.explain] if name and name not in {*RULES, "all"}]:
        return failed(f"{unknown[0]} is no rule: --explain all lists them.")
    if arguments.explain:
        explain(arguments.explain)
        return 0
    root = arguments.root.resolve()
    if missing := [path for path in arguments.paths if not path.exists()]:
        return failed(f"{missing[0]} is not there.")
    cluster = Cluster(root)
    if not cluster.kustomizations:
        return failed(f"{root} has no Flux Kustomization that applies others: nothing to check.")
    if arguments.graph:
        print(graph_picture(cluster))
        return 0
    places = [os.path.relpath(path.resolve(), root) for path in arguments.paths]
    found = [one for one in findings(cluster, arguments.rule) if is_in(one.place.path, places)]
    output.show(found, "json" if arguments.json else arguments.format)
    if not found and not arguments.json:
        print(f"Nothing found in {len(cluster.kustomizations)} Kustomizations and {len(cluster.objects)} objects.")
    return output.exit_code(found)


def is_in(path: str, places: list[str]) -> bool:
    """Whether a path is one of these, or below one; all are when there are none."""
    return not places or any(place in (".", path) or path.startswith(f"{place}/") for place in places)


def explain(name: str) -> None:
    """What a rule is about."""
    for rule in RULES.values():
        if name in ("all", rule.id):
            print(f"{rule.id} ({rule.severity.value})\n  {rule.why}\n  {rule.fix}")


def failed(reason: str) -> int:
    """The check itself failed."""
    print(f"error: {reason}", file=sys.stderr)
    return output.FAILED


if __name__ == "__main__":
    sys.exit(main())
