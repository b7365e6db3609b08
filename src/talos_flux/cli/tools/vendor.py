"""talos-flux tools vendor: keep the tools in the repository."""

import shutil
from pathlib import Path

import click

from talos_flux.cli.commands import subcommand
from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.template import fetch
from talos_flux.terminal import done

PACKAGE = Path(__file__).resolve().parents[2]
VENDORED = ROOT / "scripts" / PACKAGE.name


@subcommand()
@click.option("--remove", is_flag=True, help="Take them out again.")
def command(*, remove: bool) -> None:
    """Keep the tools in scripts/talos_flux, where scripts/talos-flux prefers them.

    They are those of the version that this repository follows: after an update, run it again. An update itself runs
    with the tools of the version that it leads to.
    """
    if remove:
        if not VENDORED.is_dir():
            raise UserError("scripts/talos_flux is not there: the tools are not kept in this repository.")
        shutil.rmtree(VENDORED)
        done("scripts/talos_flux is gone. The tools come from the template again.")
        return
    # Vendored tools are replaced by those of the version that the repository follows now.
    package = fetch.root() / "src/talos_flux" if PACKAGE == VENDORED else PACKAGE
    draft = VENDORED.with_name(f".{VENDORED.name}.unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(package, draft, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(VENDORED, ignore_errors=True)
    draft.rename(VENDORED)
    done("The tools are in scripts/talos_flux. Next: commit them.")
