#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Draw what waits for what: docs/dependencies.svg, the same as Mermaid beside it, and the picture in README.md."""

import argparse
import re
from pathlib import Path

from lib.checks.flux import Cluster
from lib.checks.graph_mermaid import graph_mermaid
from lib.checks.graph_svg import graph_svg
from lib.process import ROOT, write_public
from lib.terminal import Refusal, command, done

README = ROOT / "README.md"
SVG = ROOT / "docs" / "dependencies.svg"
MERMAID = ROOT / "docs" / "dependencies.md"

BEGIN, END = "<!-- task docs writes this -->", "<!-- until here -->"


def main() -> None:
    """Write what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something would be written")
    check = parser.parse_args().check
    outdated = [(path, text) for path, text in pages().items() if not path.exists() or path.read_text() != text]
    if outdated and check:
        raise Refusal(f"{outdated[0][0].relative_to(ROOT)} is not what the files say: `task docs` writes it.")
    for path, text in outdated:
        is_new = not path.exists()
        write_public(path, text)
        done(f"{path.relative_to(ROOT)} is {'new' if is_new else 'drawn anew'}.")
    if not outdated:
        done("Everything is as the files say.")


def pages() -> dict[Path, str]:
    """Each page as it should be; Refusal when README.md has no place for the picture."""
    cluster = Cluster(ROOT)
    if not cluster.kustomizations:
        raise Refusal("no Flux Kustomization applies others: there is nothing to draw.")
    mermaid = f"# What waits for what\n\n```mermaid\n{graph_mermaid(cluster)}\n```\n"
    return {SVG: graph_svg(cluster) + "\n", MERMAID: mermaid, README: _readme(len(cluster.kustomizations))}


def _readme(count: int) -> str:
    text = README.read_text() if README.exists() else ""
    picture = (
        f"[![{count} Kustomizations, from left to right in the order in which Flux applies them]"
        f"({SVG.relative_to(ROOT)})]({MERMAID.relative_to(ROOT)})"
    )
    between = re.compile(f"^{re.escape(BEGIN)}$.*?^{re.escape(END)}$", re.MULTILINE | re.DOTALL)
    if not between.search(text):
        raise Refusal(f"README.md has no lines {BEGIN} and {END}: the picture goes between them.")
    return between.sub(lambda _: f"{BEGIN}\n{picture}\n{END}", text, count=1)


if __name__ == "__main__":
    command(main)
