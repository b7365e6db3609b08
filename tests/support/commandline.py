"""Commands in documents: found in them, split into words, and held against what the programs say of themselves.

A program's `--help` names its subcommands and flags, whatever library it is made with.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from tests.doubles.workplace import environment

BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# What a reader puts something else for.
PLACEHOLDER = re.compile(r"<[a-z][^<>\n]*>|…")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
SEPARATORS = {"|", "||", "&&", ";", "&"}
REDIRECTIONS = {"<", ">", ">>", "2>"}

# What every computer has, or its owner knows how to get. Their flags are those of POSIX, GNU or decades.
EVERYWHERE = {
    "base64", "cd", "chmod", "curl", "dig", "eval", "grep", "mv", "openssl", "paste",
    "restic", "rm", "sed", "sort", "ssh-keygen", "tail", "xargs",
}  # fmt: skip
HEADING = re.compile(
    r"^(?!Usage|Flags|Global|Options|OPTIONS|Examples|Aliases|USAGE|NAME|positional)[A-Z].*:$", re.MULTILINE
)
SUBCOMMAND = re.compile(r"^ {2,4}([a-z][\w:-]*)[,\s]", re.MULTILINE)
FLAG = re.compile(r"(?<![\w-])(--(?:\[no-\])?[A-Za-z][\w-]*|-[A-Za-z])((?:\[?=|[ ])\S*|,?)")


@dataclass(frozen=True)
class Help:
    """What a program, or a subcommand, says of itself. `flags` tell whether a value follows as a word of its own."""

    text: str
    subcommands: frozenset[str]
    flags: dict[str, bool] = field(hash=False)


def in_document(text: str) -> Iterator[str]:
    """Each command line of the blocks, then what stands in the text as code."""
    prose = text
    for block in BLOCK.finditer(text):
        prose = prose.replace(block[0], "")
        for line in block[2].replace("\\\n", " ").splitlines():
            if line.strip() and not line.strip().startswith("#"):
                yield line.strip()
    yield from INLINE.findall(re.sub(r"^( *)```.*?^ *```", "", prose, flags=re.DOTALL | re.MULTILINE))


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command in a line of shell; raise ValueError when it is none."""
    line = PLACEHOLDER.sub("PLACEHOLDER", line)
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from simple_commands(inner)
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", line), posix=True, punctuation_chars=True)
    # Else a colon, as in `task talos:apply-node`, would be a word of its own.
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    follows_redirection = False
    for word in [*lexer, ";"]:
        if word in SEPARATORS:
            while words and ASSIGNMENT.match(words[0]):
                words.pop(0)
            if words:
                yield words
            words = []
        elif not follows_redirection and word not in REDIRECTIONS:
            words.append(word)
        follows_redirection = word in REDIRECTIONS


@dataclass
class Parsed:
    """The words of a command as its program reads them, up to the first that it refuses."""

    objection: str = ""
    subcommands: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)


def objection(program: Sequence[str], words: Sequence[str]) -> str:
    """Why a program does not take these words; empty when it does."""
    return parsed(program, words).objection


def parsed(program: Sequence[str], words: Sequence[str]) -> Parsed:
    """Return what a program makes of these words."""
    said, rest = Parsed(), list(words)
    while rest:
        about = help_of((*program, *said.subcommands))
        name = " ".join([*program[-1:], *said.subcommands])
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("-") and word != "-":
            flag, equals, value = word.partition("=")
            if flag not in about.flags:
                said.objection = f"{name} has no {flag}"
                break
            if about.flags[flag] and not equals:
                value = rest.pop(0) if rest else ""
            said.options[flag] = value
        elif about.subcommands and word in about.subcommands:
            said.subcommands.append(word)
        elif about.subcommands:
            said.objection = f"{name} has no command {word}"
            break
        else:
            said.arguments.append(word)
    return said


@cache
def help_of(command: tuple[str, ...], ask: str = "--help", folder: Path | None = None) -> Help:
    """Return the help of a command, global flags included; raise AssertionError when it has none."""
    text = _said((*command, ask), folder)
    if command[0] == "kubectl":
        text += _said(("kubectl", "options"), folder)
    flags: dict[str, bool] = {"--help": False, "-h": False}
    for line in text.splitlines():
        if re.match(r"\s*-", line):
            flags.update(_flags_of(line))
        # git diff shows --cached here, and nowhere else.
        elif re.match(r"usage:|\s+or:", line):
            flags.update(dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w-]*", line), False) | flags)
    sections = HEADING.split(text)[1:]
    subcommands = {name for section in sections for name in SUBCOMMAND.findall(section.split("\n\n")[0])}
    return Help(text, frozenset(subcommands), flags)


def _flags_of(line: str) -> Iterator[tuple[str, bool]]:
    """Yield the spellings that begin a line of help, each with whether a value follows."""
    head = re.split(r"\s{2,}|\t", line.strip())[0]
    found = FLAG.findall(head)
    # kubectl shows the default: --watch=false, --output=''.
    switch = all(re.fullmatch(r"=(true|false):?|\[=.*|,?|", after.strip()) for _, after in found)
    for name, _ in found:
        yield name.replace("[no-]", ""), not switch
        if "[no-]" in name:
            yield name.replace("[no-]", "no-"), False


@cache
def _said(command: tuple[str, ...], folder: Path | None) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stdout + done.stderr
    assert "sage" in said or "USAGE" in said or "options" in said, f"{' '.join(command)} says {said[:200]}"
    return said


@cache
def tasks_of(cluster: Path) -> dict[str, dict]:
    """Return the tasks of a rendered cluster by the names that one types, as its Taskfiles describe them."""
    found: dict[str, dict] = {}
    for prefix, entry in [("", "."), *yaml.safe_load((cluster / "Taskfile.yaml").read_text())["includes"].items()]:
        included = {"taskfile": entry} if isinstance(entry, str) else entry
        content = yaml.safe_load((cluster / included["taskfile"] / "Taskfile.yaml").read_text())
        before = f"{prefix}:" if prefix and not included.get("flatten") else ""
        found |= {before + name: task for name, task in content["tasks"].items()}
    return found
