"""What follows the template here: the cluster, and every namespace and app that has an answers file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from lib.apps import Loader
from lib.process import ROOT, run
from lib.refusal import Refusal

ANSWERS = ".copier-answers.yml"
ROOT_FOLDER = PurePosixPath()
# Each instance has its own of these, whatever the cluster answers.
OF_ITS_OWN = ("generator", "template_source")

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One answers file: `folder` is relative to the repository, `recorded` all that the file says."""

    folder: PurePosixPath
    recorded: Answers

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "the cluster" if self.folder == ROOT_FOLDER else self.folder.as_posix()

    @property
    def answers_file(self) -> str:
        """Its path in the repository."""
        return (self.folder / ANSWERS).as_posix()

    @property
    def source(self) -> str:
        """The template's address."""
        return str(self.recorded["_src_path"])

    @property
    def commit(self) -> str:
        """The template's version."""
        return str(self.recorded["_commit"])

    @property
    def generator(self) -> str:
        """cluster, namespace or app."""
        return str(self.recorded.get("generator", "cluster"))

    @cached_property
    def answers(self) -> Answers:
        """What was answered."""
        return without_metadata(self.recorded)


def without_metadata(recorded: Answers) -> Answers:
    """The answers among what an answers file says."""
    return {name: value for name, value in recorded.items() if not name.startswith("_")}


def differing(answers: Answers, of_the_cluster: Answers) -> Answers:
    """The cluster's answers to what another instance answers otherwise."""
    return {
        name: of_the_cluster[name]
        for name, value in answers.items()
        if name not in OF_ITS_OWN and name in of_the_cluster and of_the_cluster[name] != value
    }


def instances() -> list[Instance]:
    """Every instance that git tracks, the cluster first; Refusal when one can't be read, or there is no cluster."""
    found = [Instance(PurePosixPath(path).parent, _read(ROOT / path, path)) for path in _answers_files()]
    found.sort(key=lambda instance: instance.folder.parts)
    if not found or found[0].folder != ROOT_FOLDER:
        raise Refusal(f"{ANSWERS} is not in git here: this is no repository that the template created.")
    # Other templates may be at home here, too.
    return [found[0], *(instance for instance in found[1:] if instance.generator in ("namespace", "app"))]


def _answers_files() -> set[str]:
    """The paths of all answers files; while a conflict is open, git lists one more than once."""
    return set(run("git", "ls-files", "-z", "--", ANSWERS, f"**/{ANSWERS}").split("\0")[:-1])


def _read(path: Path, name: str) -> Answers:
    try:
        text = path.read_text()
        if "\n<<<<<<< " in f"\n{text}":
            raise Refusal(f"{name} has conflict markers: decide which lines stay, then commit it.")
        recorded = yaml.load(text, Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise Refusal(f"{name} can't be read: {' '.join(str(error).split())}.") from None
    for key in ("_src_path", "_commit"):
        if not isinstance(recorded, dict) or not recorded.get(key):
            raise Refusal(f"{name} has no {key}: nobody knows which version of the template it follows.")
    return dict(recorded)
