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

import os
import sys
from argparse import Namespace
from difflib import get_close_matches
from pathlib import Path

from lib.arguments import FAILED, Parser
from lib.checks import output
from lib.checks.flux import Cluster
from lib.checks.graph_mermaid import graph_mermaid
from lib.checks.graph_svg import graph_svg
from lib.checks.topics import RULES, findings
from lib.process import ROOT

GRAPHS = {"mermaid": graph_mermaid, "svg": graph_svg}


def main() -> int:
    """Print what the rules find, or explain one."""
    parser = Parser(__doc__)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only what is found there, all by default")
    parser.add_argument("--root", type=Path, default=ROOT, help="another repository of this layout")
    parser.add_argument("--rule", action="append", default=[], metavar="ID", help="only this rule")
    parser.add_argument("--explain", metavar="ID", help="what a rule is about; all for a list")
    parser.add_argument("--format", choices=["text", "github"], default="text", help="github annotates the lines")
    parser.add_argument(
        "--graph", nargs="?", choices=GRAPHS, const="mermaid", help="what waits for what, as a picture; no findings"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    if objection := why_not(arguments):
        return failed(objection)
    if arguments.explain:
        explain(arguments.explain)
        return 0
    cluster = Cluster(arguments.root.resolve())
    if arguments.graph and cluster.kustomizations:
        print(GRAPHS[arguments.graph](cluster))
        return 0
    chosen = places(arguments)
    found = [one for one in findings(cluster, arguments.rule) if is_in(one.place.path, chosen)]
    output.show(found, "json" if arguments.json else arguments.format)
    if not cluster.kustomizations:
        return failed(output.NO_ROOT)
    if not found and not arguments.json:
        print(f"Nothing found in {len(cluster.kustomizations)} Kustomizations and {len(cluster.objects)} objects.")
    return output.exit_code(found)


def why_not(arguments: Namespace) -> str:
    """Why these arguments can't be followed; empty when they can."""
    asked = [*arguments.rule, *([arguments.explain] if arguments.explain not in (None, "all") else [])]
    if unknown := [name for name in asked if name not in RULES]:
        return no_rule(unknown[0])
    if not arguments.root.is_dir():
        return f"{arguments.root} is no folder."
    if missing := [path for path in arguments.paths if not path.exists()]:
        return f"{missing[0]} is not there."
    for path, place in zip(arguments.paths, places(arguments), strict=True):
        if place.split("/")[0] == "..":
            return f"{path} is not in {arguments.root.resolve()}."
    return ""


def places(arguments: Namespace) -> list[str]:
    """The paths that were asked for, as they are called in the repository."""
    return [os.path.relpath(path.resolve(), arguments.root.resolve()) for path in arguments.paths]


def is_in(path: str, chosen: list[str]) -> bool:
    """Whether a path is one of these, or below one; all are when there are none."""
    return not chosen or any(place in (".", path) or path.startswith(f"{place}/") for place in chosen)


def no_rule(name: str) -> str:
    """That a name is none, and which was probably meant."""
    near = get_close_matches(name, RULES, 1)
    return f"{name} is no rule{f': did you mean {near[0]}?' if near else '.'} --explain all lists them."


def explain(name: str) -> None:
    """What a rule is about."""
    for rule in RULES.values():
        if name in ("all", rule.id):
            print(f"{rule.id} ({rule.severity.value})\n  {rule.why}\n  {rule.fix}")


def failed(reason: str) -> int:
    """The check itself failed."""
    print(f"error: {reason}", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
