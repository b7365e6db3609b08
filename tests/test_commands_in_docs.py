"""Every command in a document is one that its program takes: subcommands, flags, tasks with their variables.

Judged by the programs' own help. Of those that can't be had here (UNSEEN) the lines are compared with what their
documentation shows; what tasks and scripts do, other tests run.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commandline import EVERYWHERE, Help, help_of, in_document, objection, simple_commands, tasks_of
from tests.support.render import PROJECT, Renderer
from tests.support.repository import Repository

pytestmark = pytest.mark.real

REAL = {"age-keygen", "copier", "flux", "helm", "kubectl", "sops", "talosctl", "uvx"}
# https://developer.1password.com/docs/cli/reference, https://mise.jdx.dev/cli, https://lefthook.dev/usage,
# https://developers.cloudflare.com/tunnel/advanced/local-management/tunnel-useful-commands
UNSEEN = {
    "cloudflared tunnel create PLACEHOLDER",
    "cloudflared tunnel login",
    "cloudflared tunnel token PLACEHOLDER",
    "lefthook install",
    "mise activate",
    "mise activate bash",
    "mise exec -- PLACEHOLDER",
    "mise install",
    "mise trust",
    "mise use --global uv",
    "op connect server create PLACEHOLDER --vaults PLACEHOLDER",
    "op connect token create PLACEHOLDER --server PLACEHOLDER --vault PLACEHOLDER",
    "op document edit PLACEHOLDER PLACEHOLDER --vault PLACEHOLDER",
    "op item get PLACEHOLDER --vault PLACEHOLDER --fields PLACEHOLDER --reveal",
    "op signin",
}
OURS = {"make", "python"}
PROGRAMS = REAL | OURS | EVERYWHERE | {line.split()[0] for line in UNSEEN} | {"git", "task"}


def pages(root: Path) -> Iterator[Path]:
    """README, AGENTS.md and docs, less the notes of old releases, whose commands were those of their time."""
    yield from sorted(path for path in root.glob("*.md") if path.name != "CHANGELOG.md")
    yield from sorted(path for path in root.glob("docs/**/*.md") if path.parent.name not in ("releases", "decisions"))


def commands(root: Path) -> Iterator[tuple[str, list[str]]]:
    """The page and the words of each command in it; text that only looks like code is left out."""
    for page in pages(root):
        for line in in_document(page.read_text()):
            if line.split()[0] in PROGRAMS or line.startswith("./scripts/"):
                for words in simple_commands(line):
                    yield str(page.relative_to(root)), words


def test_every_command_of_a_cluster_is_one_that_its_program_takes(example: Repository) -> None:
    found = list(commands(example.root))
    assert len(found) > 150
    wrong = {f"{page}: {' '.join(words)}: {why}" for page, words in found if (why := complaint(words, example.root))}
    assert sorted(wrong) == []


def test_every_command_of_the_projects_documents_is_one_that_its_program_takes(render: Renderer) -> None:
    cluster = render({"backups": "nfs", "backup_nfs": "nas.example.net:/backups"})
    wrong = {
        f"{page}: {' '.join(words)}: {why}" for page, words in commands(PROJECT) if (why := complaint(words, cluster))
    }
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("flux describe helmrelease x", "flux has no command describe"),
        ("flux get sources oci --everywhere", "flux get sources oci has no --everywhere"),
        ("kubectl get pods --namespace a --al", "kubectl get has no --al"),
        ("talosctl etcd list --nodes 1", "talosctl etcd has no command list"),
        ("task upgrade", "there is no task upgrade"),
        ("task debug NAME=x", "task debug knows no NAME"),
        ("task talos:apply-node MODE=try", "task talos:apply-node needs IP"),
        ("task update -- --sure", "update.py has no --sure"),
        ("./scripts/health.py", "scripts/health.py is not there"),
        ("git commit --mesage x", "git commit has no --mesage"),
        ("uvx copier copy --data-fil a.yaml x y", "copier copy has no --data-fil"),
        ("op item show x", "op item show x was never seen"),
        ("make coffee", "there is no target coffee"),
        ("kubect get pods", "kubect is no program that is known here"),
    ],
)
def test_a_wrong_command_is_found(line: str, why: str, render: Renderer) -> None:
    [words] = simple_commands(line)
    assert complaint(words, render({})) == why


def complaint(words: list[str], cluster: Path) -> str:
    """Why a command can't work in this cluster; empty when it can."""
    program, *rest = words[1:] if words[:2] == ["uvx", "copier"] else words
    if program.startswith("./scripts/"):
        return of_script(program.removeprefix("./scripts/"), rest, cluster)
    if program in REAL:
        return objection([program], rest)
    if judge := {"git": of_git, "make": of_make, "python": of_python}.get(program):
        return judge(rest)
    if program == "task":
        return of_task(rest, cluster)
    known = program in {line.split()[0] for line in UNSEEN}
    # Alone it is a name in a sentence.
    if program in EVERYWHERE or is_as_seen(words) or (known and not rest):
        return ""
    return f"{' '.join(words)} was never seen" if known else f"{program} is no program that is known here"


def is_as_seen(words: list[str]) -> bool:
    """Whether it is one of UNSEEN, with something for each PLACEHOLDER."""
    return any(
        len(words) == len(seen)
        and all(theirs in (mine, "PLACEHOLDER") for mine, theirs in zip(words, seen, strict=True))
        for seen in map(str.split, UNSEEN)
    )


def of_git(words: list[str]) -> str:
    """git's subcommands answer to -h."""
    about = help_of(("git", words[0]), "-h")
    if words[0] == "remote" and f"git remote {words[1]}" not in about.text:
        return f"git remote has no {words[1]}"
    return wrong_flag(f"git {words[0]}", words[1:], about)


def wrong_flag(name: str, words: list[str], about: Help) -> str:
    """The first word that looks like a flag and is none."""
    for word in words:
        if word == "--":
            break
        if word.startswith("-") and word.partition("=")[0] not in about.flags:
            return f"{name} has no {word.partition('=')[0]}"
    return ""


def of_make(words: list[str]) -> str:
    """The targets of this project."""
    makefile = (PROJECT / "Makefile").read_text()
    targets = [word for word in words if "=" not in word]
    unknown = [word for word in targets if not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE)]
    unknown += [word for word in words if "=" in word and f"$({word.partition('=')[0]})" not in makefile]
    return f"there is no target {unknown[0]}" if unknown else ""


def of_python(words: list[str]) -> str:
    """Modules of this project."""
    module = words[1].replace(".", "/") if words[:1] == ["-m"] else "none"
    return "" if list(PROJECT.glob(f"{module}*")) else f"there is no module {' '.join(words)}"


def of_task(words: list[str], cluster: Path) -> str:
    """Its name, its variables, those that it requires, and what follows -- for its script."""
    if not words or words[0].startswith("-"):
        return ""
    name, *rest = words
    task = tasks_of(cluster).get(name)
    if task is None:
        return f"there is no task {name}"
    own, given = (rest[: rest.index("--")], rest[rest.index("--") + 1 :]) if "--" in rest else (rest, [])
    variables = [word.partition("=")[0] for word in own]
    for variable in variables:
        if f".{variable}" not in str(task):
            return f"task {name} knows no {variable}"
    # In a sentence, a task is named without them.
    for required in task.get("requires", {}).get("vars", []):
        if required not in variables and own:
            return f"task {name} needs {required}"
    script = re.search(r"scripts/([\w-]+\.py)", str(task))
    return of_script(script[1], given, cluster) if script and given else ""


def of_script(name: str, words: list[str], cluster: Path) -> str:
    """A script of the cluster, by its own --help."""
    if not (cluster / "scripts" / name).exists():
        return f"scripts/{name} is not there"
    about = help_of((sys.executable, f"scripts/{name}"), folder=cluster)
    if name.startswith("new-"):
        about = help_of((sys.executable, "-m", "hooks.add"), folder=PROJECT)
    return wrong_flag(name, words, about)
