"""talos-flux docs: draw what waits for what."""

import re
from pathlib import Path

import click

from talos_flux.check.graph_mermaid import graph_mermaid
from talos_flux.check.graph_svg import graph_svg
from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.paths import ROOT
from talos_flux.process import write_public
from talos_flux.terminal import done

README = ROOT / "README.md"
SVG = ROOT / "docs" / "dependencies.svg"
MERMAID = ROOT / "docs" / "dependencies.md"

BEGIN, END = "<!-- task docs writes this -->", "<!-- until here -->"


@subcommand()
@click.option("--check", is_flag=True, help="Write nothing, and fail when something would be written.")
def command(*, check: bool) -> None:
    """Draw what waits for what.

    That is docs/dependencies.svg, the same as Mermaid beside it, and the picture in README.md.
    """
    outdated = [(path, text) for path, text in pages().items() if not path.exists() or path.read_text() != text]
    if outdated and check:
        raise UserError(f"{outdated[0][0].relative_to(ROOT)} is not what the files say: `task docs` writes it.")
    for path, text in outdated:
        is_new = not path.exists()
        write_public(path, text)
        done(f"{path.relative_to(ROOT)} is {'new' if is_new else 'drawn anew'}.")
    if not outdated:
        done("Everything is as the files say.")


def pages() -> dict[Path, str]:
    """Return each page as it should be; UserError when README.md has no place for the picture."""
    cluster = Cluster(ROOT)
    if not cluster.kustomizations:
        raise UserError("no Flux Kustomization applies others: there is nothing to draw.")
    mermaid = f"# What waits for what\n\n```mermaid\n{graph_mermaid(cluster)}\n```\n"
    return {SVG: graph_svg(cluster) + "\n", MERMAID: mermaid, README: readme(len(cluster.kustomizations))}


def readme(count: int) -> str:
    """Return README.md with the picture of `count` Kustomizations; UserError when it has no place for it."""
    text = README.read_text() if README.exists() else ""
    picture = (
        f"[![{count} Kustomizations, from left to right in the order in which Flux applies them]"
        f"({SVG.relative_to(ROOT)})]({MERMAID.relative_to(ROOT)})"
    )
    between = re.compile(f"^{re.escape(BEGIN)}$.*?^{re.escape(END)}$", re.MULTILINE | re.DOTALL)
    if not between.search(text):
        raise UserError(f"README.md has no lines {BEGIN} and {END}: the picture goes between them.")
    return between.sub(lambda _: f"{BEGIN}\n{picture}\n{END}", text, count=1)
