"""What an update would change: every instance rendered at its own version and at the wanted one, and merged."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from lib.apps import Loader
from lib.blobs import file_of, repository, tracked
from lib.instances import ANSWERS, Answers, Instance, differing, instances, without_metadata
from lib.leaving import as_if_the_templates, leaving
from lib.merging import Conflict, Files, Merged, merge, unit_of, with_markers
from lib.process import ROOT, run, succeeds
from lib.refusal import Refusal
from lib.render import File, Template
from lib.template import NoSuchVersion, checkout, is_shallow
from lib.versions import Note, is_older, newest, notes, number_of, precedes

GENERATORS = ("generators/namespace", "generators/app")

Ask = Callable[[Any], Any]


@dataclass
class Outcome:
    """What becomes of one instance.

    `defaults` are the answers to questions that its version did not have, `gone` the reasons for which questions that
    it has answered are no longer asked.
    """

    instance: Instance
    merged: Merged
    defaults: Answers = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """The paths that change, without the answers file and without those that can't be decided."""
        return sorted(path for path in self.merged.changes if PurePosixPath(path).name != ANSWERS)


@dataclass
class Plan:
    """An update of everything to one version."""

    target: str
    outcomes: list[Outcome]
    notes: list[Note]

    @cached_property
    def changes(self) -> Mapping[str, File | None]:
        """The new content of every path that changes, None where it goes."""
        return {path: file for outcome in self.outcomes for path, file in outcome.merged.changes.items()}

    @cached_property
    def undecided(self) -> dict[str, File | None]:
        """What a person finds in place of each path that can't be decided."""
        return {
            conflict.path: with_markers(conflict, f"template {outcome.instance.commit}", f"template {self.target}")
            for outcome in self.outcomes
            for conflict in outcome.merged.conflicts
        }

    @cached_property
    def conflicts(self) -> list[Conflict]:
        """What a person has to decide."""
        return [conflict for outcome in self.outcomes for conflict in outcome.merged.conflicts]


def plan(to: str, data: Answers, only: Iterable[Path], ask: Ask | None = None) -> Plan:
    """What an update to a version, with other answers for the cluster, would change.

    Without a version it is the newest one, or with other answers the one that the cluster follows. `only` are folders;
    without any, everything follows. `ask` answers the cluster's new questions; without it they get their defaults.

    Refusal when an answer breaks a rule of that version, when an instance can't be read, or a version can't be had.
    """
    found = instances()
    cluster = found[0]
    wanted = chosen(found, only)
    new = _target(cluster.source, to or (cluster.commit if data else newest(cluster.source)))
    for instance in wanted:
        if is_older(new.commit, instance.commit, new.folder):
            raise Refusal(f"{instance.name} follows {instance.commit}, which is newer than {new.commit}.")
    between = notes(new.folder, [instance.commit for instance in [cluster, *wanted]], new.commit)
    with _naming(cluster):
        data, of_the_cluster = _answers(new, cluster, data, between, ask if cluster in wanted else None)
    outcomes = []
    for instance in wanted:
        with _naming(instance):
            carried = _carried_over(instance, between)
            given = data if instance is cluster else differing(carried, of_the_cluster)
            outcomes.append(_outcome(instance, new, carried, given, of_the_cluster))
            outcomes[-1].gone = _gone(instance, between)
    return Plan(new.commit, outcomes, between)


def chosen(found: list[Instance], only: Iterable[Path]) -> list[Instance]:
    """The instances in these folders, the root standing for the cluster alone; all without any.

    Refusal for a folder without one.
    """
    folders = [PurePosixPath(os.path.relpath(folder, ROOT)) for folder in only]
    named = {
        folder: [i for i in found if i.folder == folder or (folder.parts and i.folder.is_relative_to(folder))]
        for folder in folders
    }
    for folder, inside in named.items():
        if not inside:
            raise Refusal(f"nothing in {folder} follows the template: no {ANSWERS} is there.")
    return [i for i in found if any(i in inside for inside in named.values())] if named else found


# --- The template ---


def _target(source: str, version: str) -> Template:
    """The template at the wanted version; Refusal where that is none that can be recorded."""
    try:
        folder = checkout(source, version)
    except NoSuchVersion:
        raise Refusal(f"the template {source} has no version {version}.") from None
    is_tag = succeeds("git", "-C", folder, "show-ref", "--quiet", "--verify", f"refs/tags/{version}")
    if not is_tag and not re.fullmatch(r"(.+-\d+-g)?[0-9a-f]{7,40}", version):
        raise Refusal(f"{version} is no version of the template but moves on: --to takes a tag or a commit.")
    return _template(folder, version, source)


@cache
def _template(folder: Path, commit: str, source: str) -> Template:
    return Template(folder, commit=commit, source=source)


def _recorded(instance: Instance, source: str) -> Template:
    """The template at the version that an instance follows: from where the template is now, else from where it was."""
    reasons = []
    for place in dict.fromkeys((source, instance.source)):
        try:
            return _template(checkout(place, instance.commit), instance.commit, instance.source)
        except Refusal as refusal:
            reasons.append(refusal)
    if isinstance(reasons[0], NoSuchVersion):
        if is_shallow(source):
            raise Refusal(
                f"the template {source} is a shallow clone without {instance.commit}: "
                f"`git -C {source} fetch --unshallow --tags` completes it."
            )
        raise Refusal(
            f"the template {source} no longer has {instance.commit}, which is recorded in {instance.answers_file}: "
            "write the version there whose files these are most like, and commit."
        )
    raise reasons[0]


# --- The answers ---


def _answers(
    new: Template, cluster: Instance, data: Answers, between: Iterable[Note], ask: Ask | None
) -> tuple[Answers, Answers]:
    """What is answered anew, and all that the cluster will record; Refusal when data is no answer of a cluster's."""
    if not data and _follows(cluster, new):
        return {}, cluster.answers
    carried = _carried_over(cluster, between)
    data = {**_raised(cluster, carried, between), **data}
    asked: dict[str, Any] = {}

    def remember(question: Any) -> Any:
        asked[question.var_name] = ask(question) if ask else None
        return asked[question.var_name]

    if "generator" in data:
        raise Refusal("generator can't be changed: a cluster stays one.")
    recorded = new.recorded(carried, data, destination=ROOT, ask=remember if ask else None)
    for name in data:
        if name not in recorded:
            raise Refusal(_why_not(name))
    return {**data, **asked}, recorded


def _why_not(name: str) -> str:
    """What is wrong with another answer that the cluster does not record, and what to do where an app has it."""
    if owners := [instance for instance in instances() if name in instance.answers]:
        return (
            f"{name} is no answer of the cluster but of {owners[0].name}"
            f"{' and others' if owners[1:] else ''}: `copier update --defaults --data {name}=...` in that folder "
            "changes it."
        )
    return f"{name} does not apply: with its other answers the cluster is not asked that."


def _since(instance: Instance, between: Iterable[Note]) -> list[Note]:
    """The releases that an instance has not followed yet."""
    number = number_of(instance.commit)
    return [note for note in between if number and note.number > number]


def _carried_over(instance: Instance, between: Iterable[Note]) -> Answers:
    """What was answered, by the names that the questions have now."""
    answers = dict(instance.answers)
    for note in _since(instance, between):
        answers = {note.renamed.get(name, name): value for name, value in answers.items()}
    return answers


def _raised(instance: Instance, carried: Answers, between: Iterable[Note]) -> Answers:
    """The versions that a release does not work without, where older ones are recorded."""
    wanted = {pin: version for note in _since(instance, between) for pin, version in note.pins.items()}
    return {pin: version for pin, version in wanted.items() if pin in carried and precedes(carried[pin], version)}


def _gone(instance: Instance, between: Iterable[Note]) -> dict[str, str]:
    """Why what an instance has answered is not asked any more."""
    gone = {name: reason for note in _since(instance, between) for name, reason in note.removed.items()}
    return {name: reason for name, reason in gone.items() if name in instance.answers}


def _said(answers_file: File) -> Answers:
    return without_metadata(yaml.load(answers_file.content, Loader))  # noqa: S506, a safe loader


# --- One instance ---


def _follows(instance: Instance, new: Template) -> bool:
    return (instance.commit, instance.source) == (new.commit, new.source)


def _outcome(instance: Instance, new: Template, carried: Answers, given: Answers, of_the_cluster: Answers) -> Outcome:
    """One instance's files, merged; `carried` are its answers as the new version calls them."""
    if not given and _follows(instance, new):
        return Outcome(instance, Merged())
    old = _recorded(instance, new.source)
    if not given and _same_inputs(old.folder, new.folder, instance.generator) and (followed := _follow(instance, new)):
        return Outcome(instance, Merged(followed))
    place = ROOT / instance.folder
    before = _below(instance, old.render(instance.answers, destination=place))
    after = _below(instance, new.render(carried, given, destination=place))
    # What its own version did not take over from the cluster yet.
    if late := differing(_said(after[instance.answers_file]), of_the_cluster):
        given = {**given, **late}
        after = _below(instance, new.render(carried, given, destination=place))
    answers_file = after.pop(instance.answers_file)
    before.pop(instance.answers_file, None)
    going = leaving(before, after)
    yours = _yours(before, after, going)
    merged = merge(as_if_the_templates(before, yours, going), yours, after)
    merged.changes[instance.answers_file] = answers_file
    said = _said(answers_file)
    return Outcome(instance, merged, {name: said[name] for name in said if name not in {*carried, *given}})


@contextmanager
def _naming(instance: Instance) -> Iterator[None]:
    """A Refusal says of which instance it is."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal(f"{instance.name}: {refusal}") from None


def _below(instance: Instance, files: Mapping[PurePosixPath, File]) -> dict[str, File]:
    """An instance's files by their paths in the repository."""
    return {(instance.folder / path).as_posix(): file for path, file in files.items()}


@cache
def _same_inputs(old: Path, new: Path, generator: str) -> bool:
    """Whether two versions of the template hold the same of all that such an instance is made of."""
    parts = ("copier.yml", "questions", "macros", *GENERATORS, *(["template"] if generator == "cluster" else []))
    return _objects(old, parts) == _objects(new, parts)


@cache
def _objects(template: Path, parts: tuple[str, ...]) -> str:
    return run("git", "-C", template, "ls-tree", "HEAD", "--", *parts)


def _follow(instance: Instance, new: Template) -> dict[str, File | None] | None:
    """The answers file alone, saying that it follows the new version; None where that takes more than two lines."""
    text = (ROOT / instance.answers_file).read_text()
    metadata = {"_commit": new.commit, "_src_path": new.source}
    for key, value in metadata.items():
        text = re.sub(rf"^{key}: .*$", lambda _, line=f"{key}: {value}": line, text, flags=re.MULTILINE)  # type: ignore[misc]
    if yaml.load(text, Loader) != {**instance.recorded, **metadata}:  # noqa: S506, a safe loader
        return None
    return {instance.answers_file: File(text.encode(), executable=False)}


def _yours(before: Files, after: Files, going: Iterable[str]) -> Files:
    """What git has in the units in which the template changed something, or from which something goes."""
    units = {unit_of(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    units.update(map(unit_of, going))
    return {
        path: file_of(mode, repository()[name].data) for unit in units for path, mode, name in _by_unit().get(unit, ())
    }


@cache
def _by_unit() -> Mapping[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for entry in tracked():
        found.setdefault(unit_of(entry[0]), []).append(entry)
    return found
