"""What every subcommand has in common: it is found by its file's name, and its failure is one sentence."""

import ast
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
from click.shell_completion import shell_complete

from talos_flux.errors import UserError, did_you_mean, printable

NAME = "talos-flux"
# The variable in which a shell asks what could come next.
COMPLETION = "_TALOS_FLUX_COMPLETE"
# Modules beside the subcommands.
NO_SUBCOMMANDS = ("additions", "commands")
# The exit code of a command that failed. Checks use 1 and 2 for their findings.
FAILED = 1
CHECK_FAILED = 3
INTERRUPTED = 130
# A day, in minutes.
LONGEST_WAIT = 24 * 60


class Command(click.Command):
    """A subcommand whose function may return an exit code; `failed` is the code when it could not do its work."""

    def __init__(self, *args: Any, failed: int = FAILED, **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.failed = failed

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line, and note this subcommand's exit code for failures."""
        ctx.meta[__name__] = self.failed
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A folder of subcommands. Only the one that runs is imported, since some import for half a second."""

    def __init__(self, *args: Any, package: str, **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subcommands' names, sorted."""
        folder = import_module(self.package).__path__
        names = (module.name for module in iter_modules(folder) if module.name not in NO_SUBCOMMANDS)
        return sorted(name.replace("_", "-") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None when there is no such file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{self.package}.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the subcommands with the first sentence of their help, read from their files and not imported."""
        folder = Path(next(iter(import_module(self.package).__path__)))
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(folder, name)) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; a usage error suggests a similar one."""
        if not args[0].startswith("-") and args[0] not in (known := self.list_commands(ctx)):
            ctx.fail(f"there is no command {args[0]}{did_you_mean(args[0], known)}")
        return super().resolve_command(ctx, args)

    def run(self, arguments: Sequence[str]) -> int:
        """Run a subcommand and return its exit code. An error is printed as one sentence on stderr."""
        if instruction := os.environ.get(COMPLETION):
            return shell_complete(self, {}, NAME, COMPLETION, instruction)
        meta: dict[str, Any] = {}
        try:
            with self.make_context(NAME, list(arguments)) as context:
                meta = context.meta
                code = self.invoke(context)
                sys.stdout.flush()
            return code if isinstance(code, int) else 0
        except click.exceptions.Exit as done:
            return done.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
        except click.UsageError as error:
            say_error(
                f"{sentence(error)} `{error.ctx.command_path if error.ctx else self.name} --help` lists what there is."
            )
        except UserError as refusal:
            say_error(str(refusal))
        except BrokenPipeError:
            # The reader, such as head, has closed the pipe; the rest must not be written at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            say_error(f"{error.filename or self.name}: {error.strerror or error}.")
        except (KeyboardInterrupt, click.Abort):
            say_error("interrupted; the command is safe to run again.")
            return INTERRUPTED
        return int(meta.get(__name__, FAILED))


def summary(folder: Path, name: str) -> str:
    """Return the first sentence of a subcommand's help: of the docstring of its function, or of what its group says."""
    path = folder / name.replace("-", "_")
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.parse(module.read_text()).body:
        match node:
            case ast.FunctionDef(name="command"):
                text = ast.get_docstring(node) or ""
            case ast.Assign(targets=[ast.Name(id="command")], value=ast.Call(keywords=keywords)):
                text = next(ast.literal_eval(word.value) for word in keywords if word.arg == "help")
            case _:
                continue
        return " ".join(text.partition("\n\n")[0].split())
    raise LookupError(f"{module} defines no command")


def say_error(text: str) -> None:
    """Write an error to stderr, in red where that is a terminal."""
    click.echo(f"{click.style('error:', fg='red')} {printable(text)}", err=True)


def sentence(error: click.UsageError) -> str:
    """Return click's message in the form of our errors: from a small letter to a full stop."""
    text = " ".join(error.format_message().split())
    return f"{text[0].lower()}{text[1:]}" if text[-1] in ".?" else f"{text[0].lower()}{text[1:]}."


class Minutes(click.ParamType):
    """A duration in minutes, as in 30 or 30m."""

    name = "minutes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of minutes; a usage error when it is none, or more than a day."""
        try:
            minutes = float(str(value).removesuffix("m"))
        except ValueError:
            minutes = 0
        if not 0 < minutes <= LONGEST_WAIT:
            self.fail(f"{value} is no number of minutes up to {LONGEST_WAIT}", param, ctx)
        return minutes


class Seconds(click.ParamType):
    """A duration in seconds, from `least` to `most`."""

    name = "seconds"

    def __init__(self, least: float, most: float) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of seconds; a usage error when it is none, or not in between."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = float("nan")
        if not self.least <= seconds <= self.most:
            self.fail(f"{value} is no number of seconds from {self.least:g} to {self.most:g}", param, ctx)
        return seconds


def timeout_option(minutes: float, help: str = "How long one step may take.") -> Callable[[Any], Any]:
    """Return the decorator that adds --timeout, in minutes."""
    return click.option("--timeout", type=Minutes(), default=minutes, show_default=True, metavar="MINUTES", help=help)


def combined(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the decorator that adds several options and arguments, in the order in which the help lists them."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


# Of a command that observes the cluster: context, watch, interval and as_json.
watch_options = combined(
    click.option("--context", metavar="NAME", help="Take another context of the kubeconfig."),
    click.option("--watch", is_flag=True, help="Go on until Ctrl-C, and show what changes."),
    click.option(
        "--interval",
        type=Seconds(0.1, 3600),
        default=1.0,
        show_default=True,
        metavar="SECONDS",
        help="With --watch, show changes at most so often.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print for programs; with --watch one line for each change."),
)


def subcommand(*, failed: int = FAILED, **named: Any) -> Callable[[Callable[..., int | None]], Command]:
    """Return the decorator that makes a function a subcommand. Its docstring is the help, with its line breaks."""
    return click.command(cls=Command, failed=failed, **named)
