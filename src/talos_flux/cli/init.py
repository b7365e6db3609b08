"""talos-flux init: make the keys, tokens and hooks that this cluster needs."""

import click

from talos_flux.cli.commands import subcommand
from talos_flux.paths import ROOT
from talos_flux.process import has, run
from talos_flux.secrets.initialize import make_age_key, make_secrets
from talos_flux.talos import preflight
from talos_flux.terminal import can_ask, done, warn


@subcommand()
@click.option("--no-input", is_flag=True, help="Ask nothing, and name what is still missing.")
def command(*, no_input: bool) -> None:
    """Make what this cluster needs and Git must not hold.

    That is keys, tokens and hooks. Nothing that exists is overwritten, so that an interrupted run goes on where it
    ended.
    """
    make_age_key()
    make_secrets(ask=can_ask() and not no_input)
    install_hooks()
    preflight.warn_unless_ready(preflight.WARNED_OF)
    done("Next: commit, push, `task configure`.")


def install_hooks() -> None:
    """Install the Git hooks, where lefthook is installed."""
    if not (ROOT / ".git").exists():
        return
    if not has("lefthook"):
        warn("the Git hooks are not installed: lefthook is not on PATH, `mise install` installs it.")
        return
    run("lefthook", "install")
    done("the Git hooks are installed.")
