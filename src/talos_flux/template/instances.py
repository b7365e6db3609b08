"""The instances of the template in this repository: the cluster, and all that was added with an answers file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ANSWERS_FILE, ROOT
from talos_flux.process import run
from talos_flux.repository.apps import Loader
from talos_flux.repository.generators import generators

ROOT_FOLDER = PurePosixPath()
# Answers that are never taken from the cluster.
OF_ITS_OWN = ("generator", "template_source")

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Instance:
    """One answers file: `folder` is relative to the repository, `recorded` the file's whole content."""

    folder: PurePosixPath
    recorded: Answers

    @property
    def name(self) -> str:
        """Return its name for people."""
        return "the cluster" if self.folder == ROOT_FOLDER else self.folder.as_posix()

    @property
    def answers_file(self) -> str:
        """Return its answers file's path in the repository."""
        return (self.folder / ANSWERS_FILE).as_posix()

    @property
    def source(self) -> str:
        """Return the template's address."""
        return str(self.recorded["_src_path"])

    @property
    def commit(self) -> str:
        """Return the template's version."""
        return str(self.recorded["_commit"])

    @property
    def generator(self) -> str:
        """Return cluster, or what added it: namespace, app."""
        return str(self.recorded.get("generator", "cluster"))

    @cached_property
    def answers(self) -> Answers:
        """Return the recorded answers."""
        return without_metadata(self.recorded)


def without_metadata(recorded: Answers) -> Answers:
    """Return the answers in the content of an answers file, without Copier's own keys."""
    return {name: value for name, value in recorded.items() if not name.startswith("_")}


def differing(answers: Answers, of_the_cluster: Answers) -> Answers:
    """Return the cluster's answers to the questions that another instance answers differently."""
    return {
        name: of_the_cluster[name]
        for name, value in answers.items()
        if name not in OF_ITS_OWN and name in of_the_cluster and of_the_cluster[name] != value
    }


def instances() -> list[Instance]:
    """Return every instance that git tracks, the cluster first.

    UserError when one can't be read, or there is no cluster.
    """
    tracked = [Instance(PurePosixPath(path).parent, _read(ROOT / path, path)) for path in _answers_files()]
    tracked.sort(key=lambda instance: instance.folder.parts)
    if not tracked or tracked[0].folder != ROOT_FOLDER:
        raise UserError(f"{ANSWERS_FILE} is not in git here: this is no repository that the template created.")
    # Other templates may have instances here, too.
    return [tracked[0], *(instance for instance in tracked[1:] if instance.generator in generators())]


def _answers_files() -> set[str]:
    """Return the paths of all answers files, each once; during a conflict, git lists one several times."""
    return set(run("git", "ls-files", "-z", "--", ANSWERS_FILE, f"**/{ANSWERS_FILE}").split("\0")[:-1])


def _read(path: Path, name: str) -> Answers:
    try:
        text = path.read_text()
        if "\n<<<<<<< " in f"\n{text}":
            raise UserError(f"{name} has conflict markers: decide which lines stay, then commit it.")
        recorded = yaml.load(text, Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{name} can't be read: {' '.join(str(error).split())}.") from None
    for key in ("_src_path", "_commit"):
        if not isinstance(recorded, dict) or not recorded.get(key):
            raise UserError(f"{name} has no {key}: nobody knows which version of the template it follows.")
    return dict(recorded)
