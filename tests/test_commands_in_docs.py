"""Every command in a document is one that its program takes: subcommands, flags, tasks with their variables.

Judged by the programs' own help. Of those that can't be had here (UNSEEN) the lines are compared with what their
documentation shows; what tasks and scripts do, other tests run.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from talos_flux.manifests.schemas import archive
from tests.support.commandline import (
    EVERYWHERE,
    Help,
    help_of,
    in_document,
    objection,
    parsed,
    simple_commands,
    tasks_of,
)
from tests.support.crds import PROVIDERS
from tests.support.needs import needs
from tests.support.questions import all_questions
from tests.support.render import PROJECT, Renderer
from tests.support.repository import Repository, walk
from tests.tools.pages.commands import subcommands
from tests.tools.pages.tasks import subcommand
from tests.tools.records.secret_stores import Backend, backends

pytestmark = [needs("age-keygen", "copier", "flux", "helm", "kubectl", "sops", "talosctl", "task"), pytest.mark.full]

REAL = {"age-keygen", "copier", "flux", "helm", "kubectl", "sops", "talosctl", "uvx"}
# https://mise.jdx.dev/cli, https://lefthook.dev/usage,
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
    *(line for backend in backends() for line in backend.commands),
}
OURS = {"make", "python"}
# Of EVERYWHERE, those that explain themselves.
GNU = {"base64", "chmod", "grep", "mv", "paste", "rm", "sed", "sort", "tail", "xargs"}
# Groups without a schema here: the module of longhorn is none of ours.
FLUX = "kubernetes/apps/flux-system/flux-instance/app/helmrelease.yaml"
SHORT = {"pvc": "persistentvolumeclaim"}
# Their charts make these, and call them after the release.
WORKLOADS = {"daemonset", "deployment", "pod", "service"}
QUESTIONS = {"PLACEHOLDER", "question", *all_questions()}
PROGRAMS = REAL | OURS | EVERYWHERE | {line.split()[0] for line in UNSEEN} | {"git", "task"}


def pages(root: Path) -> Iterator[Path]:
    """README, AGENTS.md and docs, less the notes of old releases, whose commands were those of their time."""
    yield from sorted(path for path in root.glob("*.md") if path.name != "CHANGELOG.md")
    yield from sorted(path for path in root.glob("docs/**/*.md") if path.parent.name != "releases")


def commands(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the page and the words of each command in it; leave out text that only looks like code."""
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
    cluster = render(
        {
            "repository_url": "ssh://git@github.com/copier-talos-flux/home.git",
            "backups": "nfs",
            "backup_nfs": "nas.example.net:/backups",
        }
    )
    wrong = {
        f"{page}: {' '.join(words)}: {why}" for page, words in commands(PROJECT) if (why := complaint(words, cluster))
    }
    assert sorted(wrong) == []


@pytest.mark.parametrize("backend", backends(), ids=lambda backend: backend.name)
def test_every_command_about_a_store_of_secrets_is_one_that_its_program_takes(
    backend: Backend, render: Renderer
) -> None:
    root = render(backend.answers)
    cluster = Repository(root, backend.answers)
    wrong = {
        f"{page}: {' '.join(words)}: {why}"
        for page, words in commands(root)
        if (why := complaint(words, root) or (words[0] == "kubectl" and not_there(words[1:], cluster)))
    }
    assert sorted(wrong) == []


def test_every_kind_namespace_and_name_that_kubectl_is_asked_for_is_in_the_cluster(example: Repository) -> None:
    wrong = {
        f"{page}: {' '.join(words)}: {why}"
        for page, words in commands(example.root)
        if words[0] == "kubectl" and (why := not_there(words[1:], example))
    }
    assert sorted(wrong) == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("kubectl get machines", "no kind is called machines"),
        ("kubectl --namespace databases get pods", "there is no namespace databases"),
        ("kubectl get httproute,gateway", "there is no httproute without envoy-gateway"),
        ("kubectl get volumes.longhorn.io", "there is no volumes.longhorn.io without longhorn"),
        ("kubectl --namespace network logs deployment/dns-gateway", "network has no deployment dns-gateway"),
        ("kubectl --namespace network rollout restart deployment k8s-gateway", ""),
        ("kubectl --namespace network describe certificate tls", "network has no certificate tls"),
        ("kubectl --namespace network describe certificate wildcard", ""),
        ("kubectl --namespace flux-system get secret sops", "flux-system has no secret sops"),
        ("kubectl --namespace PLACEHOLDER describe pod PLACEHOLDER", ""),
    ],
)
def test_what_a_cluster_does_not_have_is_found(line: str, why: str, render: Renderer) -> None:
    assert not_there(line.split()[1:], Repository(render({}), {})) == why


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
        ("task update -- --sure", "talos-flux update has no --sure"),
        ("./scripts/health.py", "scripts/health.py is not there"),
        ("git commit --mesage x", "git commit has no --mesage"),
        ("uvx copier copy --data-fil a.yaml x y", "copier copy has no --data-fil"),
        ("op item show x", "op item show x was never seen"),
        ("make coffee", "there is no target coffee"),
        ("task charts:updates -- --apply TINY", "talos-flux charts --apply takes no TINY"),
        ("task update -- --data app_backups=true", "no question is named app_backups"),
        ("uvx copier copy --data domains=x y z", "no question is named domains"),
        ("task secret:set SECRET=cloudflare KEY=token", "no Secret cloudflare has a key token"),
        ("git remote set-url x", "git remote set-url takes 2 words"),
        ("base64 --decrypt", "base64 has no --decrypt"),
        ("sed -Ej x", "sed has no -j"),
        ("kubect get pods", "kubect is no program that is known here"),
    ],
)
def test_a_wrong_command_is_found(line: str, why: str, render: Renderer) -> None:
    [words] = simple_commands(line)
    assert complaint(words, render({})) == why


def complaint(words: list[str], cluster: Path) -> str:
    """Why a command can't work in this cluster; empty when it can."""
    program, *rest = words[1:] if words[:2] == ["uvx", "copier"] else words
    if unknown := set(re.findall(r"--data[ =]([\w-]+)=", " ".join(words))) - QUESTIONS:
        return f"no question is named {min(unknown)}"
    if program.startswith("./scripts/"):
        return of_script(program.removeprefix("./scripts/"), rest, cluster)
    if program in REAL:
        return objection([program], rest) or (of_kubectl(rest) if program == "kubectl" else "")
    judges: dict[str, Callable[[list[str]], str]] = {"git": of_git, "make": of_make, "python": of_python}
    judges["task"] = partial(of_task, cluster=cluster)
    judges |= {gnu: partial(of_gnu, gnu, cluster=cluster) for gnu in GNU}
    if judge := judges.get(program):
        return judge(rest)
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


def kinds_and_names(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the kinds and the names in a kubectl call, as kubectl parses them."""
    said = parsed(["kubectl"], words)
    verb, rest = said.subcommands[0] if said.subcommands else "", [word for word in said.arguments if "=" not in word]
    if verb not in {"get", "describe", "delete", "patch", "label", "scale", "rollout", "logs", "exec", "port-forward"}:
        return [], []
    if not rest or rest[0].startswith(("PLACEHOLDER", "SUBSTITUTED")):
        return [], []
    kind, slash, name = rest[0].partition("/")
    if verb in {"logs", "exec", "port-forward"} and not slash:
        return ["pod"], rest[:1]
    return kind.split(","), [name] if slash else [word for word in rest[1:] if "PLACEHOLDER" not in word]


def groups_of(kind: str) -> set[str]:
    """Return the API groups with a kind of this name, singular or plural; the empty one is Kubernetes' first."""
    plural, _, group = kind.partition(".")
    known = [key.split("/") for key in archive()["kinds"]]
    if group in PROVIDERS and group not in {key[0] for key in known}:
        return {group}  # no module has its kinds
    singular = {SHORT.get(plural, plural), plural.removesuffix("s"), plural.removesuffix("es")}
    return {"/".join(key[:-2]) for key in known if key[-1].lower() in singular and group in ("", key[0])}


def of_kubectl(words: list[str]) -> str:
    """Check the kinds that it names."""
    kinds, _ = kinds_and_names(words)
    return next((f"no kind is called {kind}" for kind in kinds if not groups_of(kind)), "")


def not_there(words: list[str], cluster: Repository) -> str:
    """Return what a kubectl call asks for and this cluster does not have: a namespace, a kind, an object."""
    kinds, names = kinds_and_names(words)
    options = parsed(["kubectl"], words).options
    namespace = options.get("--namespace", "PLACEHOLDER")
    folders = {path.name for path in cluster.namespaces}
    if namespace not in folders | {"PLACEHOLDER", "default", "kube-system"}:
        return f"there is no namespace {namespace}"
    for kind in kinds:
        if not (groups := groups_of(kind)):
            return f"no kind is called {kind}"
        bringers = {brings for group in groups for brings in [bringer(group)] if brings}
        if bringers and not bringers & cluster.app.keys():
            return f"there is no {kind} without {min(bringers)}"
    for name in names:
        if not is_named(kinds[0], namespace, name, cluster):
            return f"{namespace} has no {kinds[0]} {name}"
    return ""


def bringer(group: str) -> str:
    """Return the app that brings an API group; empty when Kubernetes or Flux does."""
    return next((app for end, app in PROVIDERS.items() if group == end or group.endswith(f".{end}")), "")


def is_named(kind: str, namespace: str, name: str, cluster: Repository) -> bool:
    """Whether the repository names this object: an app or a controller of Flux for workloads, else kind and name."""
    if kind.removesuffix("s") in WORKLOADS:
        apps = {app.name for app in cluster.apps if app.namespace == namespace}
        flux = set(cluster.documents(FLUX)[0]["spec"]["values"]["instance"]["components"])
        return any(re.search(rf"(?<![^-]){app}(?![^-])", name) for app in apps) or (
            namespace == "flux-system" and name in flux
        )
    objects = (one for path in cluster.yaml_files for file in cluster.documents(path) for one in walk(file))
    return any(
        isinstance(one, dict)
        and name in (one.get("name"), one.get("secretName"), (one.get("metadata") or {}).get("name"))
        and (kind == "secret" or str(one.get("kind")).lower() == kind)
        for one in objects
        if isinstance(one, dict) and isinstance(one.get("metadata", {}), dict | None)
    )


def of_gnu(program: str, words: list[str], cluster: Path) -> str:
    """Its own flags, -Ei as -E and -i, -i.old as -i; behind xargs another command begins."""
    words = [re.sub(r"^-i\.\w+$", "-i", word) if program == "sed" else word for word in words]
    first = next((number for number, word in enumerate(words) if program == "xargs" and word in PROGRAMS), len(words))
    own = [re.sub(r"^-([A-Za-z])[A-Za-z]+$", r"-\1", word) for word in words[:first] if word != "-"]
    own += [f"-{one}" for word in words[:first] if re.fullmatch(r"-[A-Za-z]{2,}", word) for one in word[2:]]
    return wrong_flag(program, own, help_of((program,))) or (complaint(words[first:], cluster) if words[first:] else "")


def of_git(words: list[str]) -> str:
    """git's subcommands answer to -h."""
    about = help_of(("git", words[0]), "-h")
    if words[0] == "remote":
        if not (usage := re.search(rf"git remote {words[1]}\b(.*)", about.text)):
            return f"git remote has no {words[1]}"
        wanted = re.sub(r"\[[^]]*\]", "", usage[1]).count("<")
        if len([word for word in words[2:] if not word.startswith("-")]) < wanted:
            return f"git remote {words[1]} takes {wanted} words"
    return wrong_flag(f"git {words[0]}", words[1:], about)


def wrong_flag(name: str, words: list[str], about: Help) -> str:
    """Return an error for the first word that looks like a flag and is none."""
    for word in words:
        if word == "--":
            break
        if word.startswith("-") and word.partition("=")[0] not in about.flags:
            return f"{name} has no {word.partition('=')[0]}"
    return ""


def of_make(words: list[str]) -> str:
    """Check the targets of this project."""
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
    said = dict(word.split("=", 1) for word in own)
    if name == "secret:set" and "APP" not in said and (why := of_secret(said, cluster)):
        return why
    ours = subcommand(str(task.get("cmd", "")))
    return of_script("talos-flux", [*ours, *given], cluster) if ours and given else ""


def of_secret(said: dict[str, str], cluster: Path) -> str:
    """Check for a Secret that the cluster lists, and a key of it."""
    listed = yaml.safe_load((cluster / "bootstrap/secrets.yaml").read_text())["secrets"]
    secret, key = (said.get(name, "PLACEHOLDER") for name in ("SECRET", "KEY"))
    found = [one for one in listed if one["name"] == secret]
    if "PLACEHOLDER" in secret or ("PLACEHOLDER" in key and found):
        return ""
    if not found:
        return f"there is no Secret {secret}"
    return "" if key in {one["name"] for one in found[0]["keys"]} else f"no Secret {secret} has a key {key}"


def of_script(name: str, words: list[str], cluster: Path) -> str:
    """Check a script of the cluster by its own --help: talos-flux, or the old name of one of its subcommands."""
    if not (cluster / "scripts" / name).exists():
        return f"scripts/{name} is not there"
    if not words:
        return ""
    own: list[str] = []
    if name == "talos-flux":
        own = next((known for known in subcommands() if known == words[: len(known)]), [])
        if not own:
            return f"talos-flux has no command {' '.join(words[:1])}"
    name = " ".join([name, *own])
    words = words[len(own) :]
    about = help_of((str(cluster / "scripts" / name.split()[0]), *own), folder=cluster)
    choices = dict(re.findall(r"(--[\w-]+) ([A-Z]+(?:\|[A-Z]+)+)", about.text))
    for flag, value in pairwise(words):
        if flag in choices and value not in [*choices[flag].split("|"), "PLACEHOLDER"]:
            return f"{name} {flag} takes no {value}"
    return wrong_flag(name, words, about)
