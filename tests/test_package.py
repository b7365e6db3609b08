"""talos-flux: each subcommand explains itself and fails in one sentence; in the package each thing has a name."""

import ast
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import pytest

from talos_flux.cli import talos_flux
from talos_flux.cli.commands import CHECK_FAILED, FAILED, Command, Group
from tests.support.commands import TALOS_FLUX
from tests.support.render import PROJECT
from tests.tools.pages.commands import subcommands

SOURCE = PROJECT / "src/talos_flux"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TALOS_FLUX, *words], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def command_of(words: list[str]) -> click.Command:
    """Return the subcommand of these words."""
    command: click.Command = talos_flux
    for word in words:
        assert isinstance(command, Group)
        found = command.get_command(click.Context(command), word)
        assert found
        command = found
    return command


@pytest.mark.parametrize("words", list(subcommands()), ids=" ".join)
def test_a_subcommand_explains_itself_in_a_sentence_that_fits_the_list(words: list[str]) -> None:
    command = command_of(words)
    assert isinstance(command, Command)
    assert command.failed in (FAILED, CHECK_FAILED)
    first, *_ = (command.help or "").split("\n\n")
    assert first.endswith("."), first
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not (option.help or "").endswith(".")] == []


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["chek"], 1, "there is no command chek: did you mean check? `talos-flux --help` lists what there is."),
        (["app", "ad"], 1, "there is no command ad. `talos-flux app --help` lists what there is."),
        (["check", "--rul"], 3, "no such option '--rul'."),
        (["update", "--sure"], 1, "no such option '--sure'. `talos-flux update --help` lists what there is."),
        (["check", "--rule", "tag-latst"], 3, "tag-latst is no rule"),
        (["talos", "reset", "--timeout", "0"], 1, "no such option '--timeout'."),
        (["bootstrap", "talos", "--timeout", "1d"], 1, "invalid value for '--timeout': 1d is no number of minutes"),
    ],
)
def test_a_wrong_word_is_named_in_one_sentence(words: list[str], code: int, sentence: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {sentence}") and done.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "kubernetes").write_text("")
    (tmp_path / ".copier-answers.yml").mkdir()
    done = run("app", "new", "--app=media/films", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def started(body: str, failed: int) -> "subprocess.Popen[str]":
    """Start a subcommand that does this, and whose failure has this exit code."""
    code = f"""
import sys, time
from talos_flux.cli.commands import Group, subcommand

@subcommand(failed={failed})
def command():
    {body}

Group.get_command = lambda self, context, name: command
Group.list_commands = lambda self, context: ["command"]
sys.exit(Group(package="none").run(["command"]))
"""
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_is_one_sentence() -> None:
    with started("print('ready', flush=True); time.sleep(60)", failed=FAILED) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "error: interrupted; the command is safe to run again.\n"
    assert process.returncode == 130


def test_whoever_has_read_enough_may_stop_reading() -> None:
    many = "for number in range(100_000): print('number', number)"
    with started(many, failed=CHECK_FAILED) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 3


def test_no_two_modules_have_one_name() -> None:
    names = Counter(path.stem for path in MODULES if path.relative_to(SOURCE).parts[0] != "cli")
    assert [name for name, count in names.items() if count > 1] == []


def test_no_two_classes_have_one_name() -> None:
    classes = Counter(
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


def test_the_list_of_subcommands_says_what_each_says_of_itself_and_imports_none(tmp_path: Path) -> None:
    listed = {tuple(words[:1]) for words in subcommands()}
    expected = [
        (words[0], " ".join((command_of(list(words)).help or "").partition("\n\n")[0].split())) for words in listed
    ]
    done = run("--help", cwd=tmp_path)
    shown = " ".join(done.stdout.split())
    assert [name for name, help in expected if f"{name} {help}" not in shown] == []
    imported = run("--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1").stderr
    assert "talos_flux.cli.commands" in imported
    assert "talos_flux.cli.check" not in imported


# --- Completion ---


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("talos-flux che", ["check"]),
        ("talos-flux app re", ["remove", "resume", "retry"]),
        ("talos-flux app remove --a", ["--app"]),
        ("talos-flux completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_a_shell_completes_what_is_typed(words: str, expected: list[str], tmp_path: Path) -> None:
    typed = words.split(" ")
    asked = {"_TALOS_FLUX_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1)}
    done = run(cwd=tmp_path, **asked)
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str, tmp_path: Path) -> None:
    done = run("completion", shell, cwd=tmp_path)
    assert f"_TALOS_FLUX_COMPLETE={shell}_complete" in done.stdout
    assert done.stderr == ""
