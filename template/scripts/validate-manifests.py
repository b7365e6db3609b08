#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["jsonschema==4.26.0", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Check this repository as the commit hook and CI do.

    ./scripts/validate-manifests.py

  yamllint           YAML is well formed, and no key stands twice
  kustomize          every kustomization builds, with every file that it lists
  charts             values fit the schema of every chart that helm or helmfile has fetched before
  talosctl           every machine configuration is one, where talosctl is installed
  check-flux-config  everything that this repository's own rules know, secrets that can be read among them

It looks at every file that git tracks or would add, and finds secrets also in the staged text where that differs.

Exit codes: 0 nothing found, 1 warnings (0 with --fail-on=error), 2 errors, 3 a check could not run.
"""

import sys
from pathlib import Path

from lib.arguments import FAILED, Parser
from lib.checks import output
from lib.checks.flux import Cluster
from lib.checks.rules import Finding
from lib.checks.topics import findings
from lib.process import ROOT, has
from lib.refusal import Refusal
from lib.validation import charts, tools
from lib.validation.staged import staged


def main() -> int:
    """Run everything, and print all that is found."""
    parser = Parser(__doc__)
    parser.add_argument("--changed", action="store_true", help="only what differs from the last commit")
    parser.add_argument("--format", choices=["text", "github"], default="text", help="github annotates the lines")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write there what GitLab shows at the lines")
    parser.add_argument("--fail-on", choices=["warning", "error"], default="warning", help="warning by default")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    try:
        chosen = tools.changed() if arguments.changed else None
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return FAILED
    cluster = Cluster(ROOT)
    found: list[Finding] = []
    failed: list[str] = []
    steps = [tools.yamllint, tools.kustomize, charts.charts, staged]
    if has("talosctl"):
        steps.append(tools.machines)
    else:
        print("talosctl is not installed: machine configurations are not checked.", file=sys.stderr)
    for step in steps:
        try:
            found += step(cluster, chosen)
        except Refusal as refusal:
            failed.append(str(refusal).removesuffix("."))
    found += findings(cluster)
    if not cluster.kustomizations:
        failed.append(output.NO_ROOT.removesuffix("."))
    if chosen is not None:
        found = [one for one in found if one.place.path in chosen]
    # One line can be found in the work tree and in what is staged.
    found = sorted(set(found), key=lambda one: (one.place.path, one.place.line, one.rule.id))
    output.show(found, "json" if arguments.json else arguments.format)
    if arguments.report:
        try:
            output.report(found, arguments.report)
        except OSError as error:
            failed.append(f"{arguments.report} can't be written: {error.strerror}")
    for text in failed:
        print(f"error: {text}.", file=sys.stderr)
    if not found and not failed and not arguments.json:
        print(f"Nothing found in {len(cluster.files if chosen is None else chosen)} files.")
    if failed:
        return FAILED
    code = output.exit_code(found)
    return 0 if code == output.WARNINGS and arguments.fail_on == "error" else code


if __name__ == "__main__":
    sys.exit(main())
