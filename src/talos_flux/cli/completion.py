"""talos-flux completion: print what lets a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

from talos_flux.cli.commands import COMPLETION, NAME, subcommand


@subcommand()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion of commands and options for a shell.

    Load it in the shell's startup file: `source <(<path>/scripts/talos-flux completion bash)`, the same for zsh, or
    `<path>/scripts/talos-flux completion fish | source`. It completes for every cluster's scripts/talos-flux.
    """
    completion = get_completion_class(shell)
    assert completion
    click.echo(completion(context.find_root().command, {}, NAME, COMPLETION).source())
