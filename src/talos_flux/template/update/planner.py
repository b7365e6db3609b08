"""Plan an update: render every instance at its own version and at the target version, and merge."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ANSWERS_FILE, ROOT
from talos_flux.process import run, succeeds
from talos_flux.repository.apps import Loader
from talos_flux.repository.contents import File
from talos_flux.repository.generators import generators
from talos_flux.repository.git_files import content_of, file_of, filtered, tracked
from talos_flux.template import own_components
from talos_flux.template.fetch import NoSuchVersion, checkout, is_shallow
from talos_flux.template.instances import Answers, Instance, differing, instances, without_metadata
from talos_flux.template.render import RefusedAnswer, Template
from talos_flux.template.update.followed_answers import Followed, answers_that_follow, what_to_add, what_to_change_first
from talos_flux.template.update.merge import Conflict, Files, Merged, merge, unit_of, with_markers
from talos_flux.template.update.orphaned_secrets import (
    file_of_an_app,
    obsolete_secrets,
    what_secrets_need,
    with_obsolete_secrets,
)
from talos_flux.template.update.worktree import on_disk
from talos_flux.template.versions import Note, TemplateVersion, is_older, newest, notes, number_of, precedes

Ask = Callable[[Any], Any]


@dataclass
class Outcome:
    """The result of the update for one instance.

    `defaults` are the answers to questions that its version did not have, `gone` the reasons for which questions that
    it has answered are no longer asked, `followed` the recorded answers that others made impossible. `is_written_anew`
    says that what a person added to its answers file is lost. `to_do` is what the new answers need of a person.
    """

    instance: Instance
    merged: Merged
    defaults: Answers = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)
    is_written_anew: bool = False
    to_do: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """Return the paths that change, without the answers file and without conflicts."""
        return sorted(path for path in self.merged.changes if PurePosixPath(path).name != ANSWERS_FILE)


@dataclass
class Plan:
    """An update of all instances to one version.

    `consequences` are what other answers change, each in words.
    """

    target: str
    outcomes: list[Outcome]
    notes: list[Note]
    consequences: list[str] = field(default_factory=list)

    @cached_property
    def changes(self) -> Mapping[str, File | None]:
        """Return the new content of every path that changes, None where it is deleted."""
        return {path: file for outcome in self.outcomes for path, file in outcome.merged.changes.items()}

    @cached_property
    def undecided(self) -> dict[str, File | None]:
        """Return the content to write for each path with a conflict."""
        return {
            conflict.path: with_markers(conflict, f"template {outcome.instance.commit}", f"template {self.target}")
            for outcome in self.outcomes
            for conflict in outcome.merged.conflicts
        }

    @cached_property
    def conflicts(self) -> list[Conflict]:
        """Return all conflicts."""
        return [conflict for outcome in self.outcomes for conflict in outcome.merged.conflicts]


def target(to: str, data: Answers) -> TemplateVersion:
    """Return the version to update to, in a checkout. It may be one that only its own tools can render.

    Without a version it is the newest one, or with other answers the one that the cluster follows. UserError when the
    version can't be fetched, or can't be recorded, such as a branch.
    """
    cluster = instances()[0]
    version = to or (cluster.commit if data else newest(cluster.source))
    try:
        folder = checkout(cluster.source, version)
    except NoSuchVersion:
        raise UserError(f"the template {cluster.source} has no version {version}.") from None
    is_tag = succeeds("git", "-C", folder, "show-ref", "--quiet", "--verify", f"refs/tags/{version}")
    if not is_tag and not re.fullmatch(r"(.+-\d+-g)?[0-9a-f]{7,40}", version):
        raise UserError(f"{version} is no version of the template but moves on: --to takes a tag or a commit.")
    return TemplateVersion(folder, version, cluster.source)


def plan(version: TemplateVersion, data: Answers, only: Iterable[Path], ask: Ask | None = None) -> Plan:
    """Return what an update to a version of the template, with other answers for the cluster, would change.

    `only` are folders; without any, everything is updated. `ask` answers the cluster's new questions; without it they
    get their defaults.

    UserError when an answer breaks a rule of that version, or an instance can't be read.
    """
    new = _template(version.folder, version.name, version.source)
    all_instances = instances()
    cluster = all_instances[0]
    wanted = chosen(all_instances, only)
    for instance in wanted:
        if is_older(new.commit, instance.commit, new.folder):
            raise UserError(f"{instance.name} follows {instance.commit}, which is newer than {new.commit}.")
    between = notes(new.folder, [instance.commit for instance in [cluster, *wanted]], new.commit)
    with _naming(cluster):
        data, of_the_cluster, followed = _answers(new, cluster, data, between, ask if cluster in wanted else None)
        consequences = _consequences(new, _carried_over(cluster, between), data) if cluster in wanted else []
    outcomes = []
    for instance in wanted:
        with _naming(instance):
            carried = _carried_over(instance, between)
            given = data if instance is cluster else differing(carried, of_the_cluster)
            record, to_do = _read_anew(instance, new, carried, of_the_cluster)
            given = {**given, **record}
            outcomes.append(_outcome(instance, new, carried, given, of_the_cluster))
            outcomes[-1].gone = _gone(instance, between)
            outcomes[-1].to_do += to_do
            if instance is cluster:
                outcomes[-1].followed = followed
    return Plan(new.commit, outcomes, between, consequences)


def chosen(candidates: list[Instance], only: Iterable[Path]) -> list[Instance]:
    """Return the instances in these folders, the root standing for the cluster alone; all without any.

    UserError for a folder without one.
    """
    folders = [PurePosixPath(os.path.relpath(folder, ROOT)) for folder in only]
    named = {
        folder: [i for i in candidates if i.folder == folder or (folder.parts and i.folder.is_relative_to(folder))]
        for folder in folders
    }
    for folder, inside in named.items():
        if not inside:
            raise UserError(f"nothing in {folder} follows the template: no {ANSWERS_FILE} is there.")
    return [i for i in candidates if any(i in inside for inside in named.values())] if named else candidates


# --- The template ---


@cache
def _template(folder: Path, commit: str, source: str) -> Template:
    return Template(folder, commit=commit, source=source)


def _recorded(instance: Instance, source: str) -> Template:
    """Return the template at an instance's version, from the template's current address, else from the recorded one."""
    reasons = []
    for address in dict.fromkeys((source, instance.source)):
        try:
            template = _template(checkout(address, instance.commit), instance.commit, instance.source)
            _refuse_a_moved_tag(instance, template, address)
            return template
        except UserError as refusal:
            reasons.append(refusal)
    if isinstance(reasons[0], NoSuchVersion):
        if is_shallow(source):
            raise UserError(
                f"the template {source} is a shallow clone without {instance.commit}: "
                f"`git -C {source} fetch --unshallow --tags` completes it."
            )
        raise UserError(
            f"the template {source} no longer has {instance.commit}, which is recorded in {instance.answers_file}: "
            "write the version there whose files these are most like, and commit."
        )
    raise reasons[0]


def _refuse_a_moved_tag(instance: Instance, template: Template, address: str) -> None:
    """Raise UserError when a version is not the commit any more that was recorded beside it."""
    recorded = str(instance.recorded.get("_commit_id", ""))
    if recorded and template.commit_id and recorded != template.commit_id:
        raise UserError(
            f"{instance.commit} at {address} is {template.commit_id}, and {instance.answers_file} records {recorded}: "
            "the tag was moved."
        )


# --- The answers ---


def _answers(
    new: Template, cluster: Instance, data: Answers, between: Iterable[Note], ask: Ask | None
) -> tuple[Answers, Answers, Mapping[str, Followed]]:
    """Return the cluster's new answers, all that it will record, and those of the new ones that follow others.

    UserError when data has no answer of a cluster.
    """
    if not data and _follows(cluster, new):
        return {}, cluster.answers, {}
    if "generator" in data:
        raise UserError("generator can't be changed: a cluster stays one.")
    carried = _carried_over(cluster, between)
    requested = data
    raised = _raised(cluster, carried, between)
    followed = answers_that_follow(new, carried, {**raised, **data}, ROOT, or_else=what_to_add)
    data = {**{name: answer.now for name, answer in followed.items()}, **data}
    data = {**raised, **_unasked(new, carried, data), **data}
    asked: dict[str, Any] = {}

    def remember(question: Any) -> Any:
        asked[question.var_name] = ask(question) if ask else None
        return asked[question.var_name]

    recorded = new.recorded(carried, data, destination=ROOT, ask=remember if ask else None)
    for name in requested:
        if name not in recorded:
            raise UserError(_why_not(name))
    return {name: value for name, value in {**data, **asked}.items() if name in recorded}, recorded, followed


def _unasked(new: Template, carried: Answers, data: Answers) -> Answers:
    """Return the defaults of questions that are new, where they would be others with the answers that are given now.

    What a question means for a cluster that was made before it was asked follows from how the cluster is.
    """
    if not data:
        return {}
    try:
        as_it_is = new.recorded(carried, destination=ROOT)
    except UserError:
        return {}  # the cluster's own answers don't do, and are being changed
    with_data = new.recorded(carried, data, destination=ROOT)
    kept = {name: as_it_is[name] for name in differing(with_data, as_it_is) if name not in {*carried, *data}}
    try:
        # Most often there are none, and with_data is the answer.
        if kept:
            new.recorded(carried, {**kept, **data}, destination=ROOT)
    except UserError:
        return {}  # one of them goes with what is given now, as an address does with its network
    return kept


def _consequences(new: Template, carried: Answers, data: Answers) -> list[str]:
    """Return what other answers change for the cluster; nothing where its own no longer do."""
    if not data:
        return []
    try:
        before = new.facts(carried, destination=ROOT)
    except UserError:
        return []
    after = new.facts(carried, data, destination=ROOT)
    names = dict.fromkeys([*before, *after])
    values = [(name, before.get(name, "none"), after.get(name, "none")) for name in names]
    return [f"{name}: {old} becomes {value}" for name, old, value in values if old != value]


def _why_not(name: str) -> str:
    """Return why the cluster does not record an answer, and what to do when it is an app's."""
    if owners := [instance for instance in instances() if name in instance.answers]:
        return (
            f"{name} is no answer of the cluster but of {owners[0].name}"
            f"{' and others' if owners[1:] else ''}: `copier update --defaults --data {name}=...` in that folder "
            "changes it."
        )
    return f"{name} does not apply: with its other answers the cluster is not asked that."


def _since(instance: Instance, between: Iterable[Note]) -> list[Note]:
    """Return the notes of the releases that are newer than an instance's version."""
    number = number_of(instance.commit)
    return [note for note in between if number and note.number > number]


def _carried_over(instance: Instance, between: Iterable[Note]) -> Answers:
    """Return an instance's answers, by the current names of the questions."""
    answers = dict(instance.answers)
    for note in _since(instance, between):
        answers = {note.renamed.get(name, name): value for name, value in answers.items()}
    return answers


def _raised(instance: Instance, carried: Answers, between: Iterable[Note]) -> Answers:
    """Return the versions that a release requires, where older ones are recorded."""
    wanted = {pin: version for note in _since(instance, between) for pin, version in note.pins.items()}
    return {pin: version for pin, version in wanted.items() if pin in carried and precedes(carried[pin], version)}


def _gone(instance: Instance, between: Iterable[Note]) -> dict[str, str]:
    """Return why questions that an instance has answered are no longer asked."""
    gone = {name: reason for note in _since(instance, between) for name, reason in note.removed.items()}
    return {name: reason for name, reason in gone.items() if name in instance.answers}


def _answers_in(answers_file: File) -> Answers:
    return without_metadata(_loaded(answers_file))


# --- One instance ---


def _follows(instance: Instance, new: Template) -> bool:
    return (instance.commit, instance.source) == (new.commit, new.source)


def _outcome(instance: Instance, new: Template, carried: Answers, given: Answers, of_the_cluster: Answers) -> Outcome:
    """Return the merge of one instance's files; `carried` are its answers by the current names of the questions."""
    if not given and _follows(instance, new):
        return Outcome(instance, Merged())
    old = _recorded(instance, new.source)
    if not given and _same_inputs(old.folder, new.folder, instance.generator) and (moved_on := _follow(instance, new)):
        return Outcome(instance, Merged(moved_on))
    destination = ROOT / instance.folder
    before = _below(instance, old.render(instance.answers, destination=destination))
    after, followed = _rendered(instance, new, carried, given)
    if instance.answers_file not in after:
        raise UserError(f"the template {new} brings no {ANSWERS_FILE}: nobody would know what these files follow.")
    # Answers that its own version did not take over from the cluster yet.
    if late := differing(_answers_in(after[instance.answers_file]), of_the_cluster):
        given = {**given, **late}
        after, followed = _rendered(instance, new, carried, given)
    recorded, copiers = before.pop(instance.answers_file, None), after.pop(instance.answers_file)
    yours = on_disk(ROOT / instance.answers_file)
    answers_file = _with_own_lines(instance.answers_file, recorded, yours, copiers)
    new_answers = _answers_in(answers_file)
    obsolete = obsolete_secrets(before, after) | file_of_an_app(instance, new_answers)
    tracked_files = _yours(before, after, obsolete)
    merged = merge(with_obsolete_secrets(before, tracked_files, obsolete), tracked_files, after)
    merged.changes[instance.answers_file] = answers_file
    return Outcome(
        instance,
        merged,
        {name: new_answers[name] for name in new_answers if name not in {*carried, *given}},
        followed=followed,
        to_do=what_secrets_need(instance, new_answers, merged.changes),
        is_written_anew=answers_file is copiers and recorded != yours,
    )


def _read_anew(
    instance: Instance, new: Template, carried: Answers, of_the_cluster: Answers
) -> tuple[Answers, list[str]]:
    """Return what the folder of a component of the user's own says now, where that is not what is recorded.

    One that can't be read stays as it is recorded, with a sentence about why.
    """
    generator = generators().get(instance.generator)
    if not generator or not generator.reads:
        return {}, []
    recorded = carried[generator.record]
    try:
        now = own_components.read(carried[generator.reads], ROOT, new, of_the_cluster, recorded)
    except UserError as refusal:
        return {}, [f"{instance.name} stays as it was recorded, since {str(refusal).removesuffix('.')}."]
    return ({} if now == recorded else {generator.record: now}), []


def _rendered(
    instance: Instance, new: Template, carried: Answers, given: Answers
) -> tuple[dict[str, File], Mapping[str, Followed]]:
    """Return an instance's new files, and its answers that the given ones made impossible."""
    destination, followed = ROOT / instance.folder, dict[str, Followed]()
    try:
        files = new.render(carried, given, destination=destination)
    except RefusedAnswer:
        followed = answers_that_follow(new, carried, given, destination, or_else=what_to_change_first)
        given = {**given, **{name: answer.now for name, answer in followed.items()}}
        files = new.render(carried, given, destination=destination)
    return _below(instance, files), followed


def _with_own_lines(path: str, before: File | None, yours: File | None, after: File) -> File:
    """Return the new answers file with the comments and keys that a person added to the old one.

    Without them where they can't be merged: Copier would write the file anew.
    """
    if before is None or yours is None:
        return after
    old, mine, new = map(_loaded, (before, yours, after))
    # The version changes each time, and what stands beside it would be in a conflict.
    metadata = re.findall(rb"(?m)^_\w+:.*$", after.content)
    before, yours = (_with_lines(file, metadata) for file in (before, yours))
    merged = merge({path: before}, {path: yours}, {path: after})
    if merged.conflicts:
        return after
    file = merged.changes.get(path, yours)
    own = {key: value for key, value in mine.items() if key not in old and key not in new}
    return file if file and _loaded(file) == {**new, **own} else after


def _with_lines(file: File, lines: Iterable[bytes]) -> File:
    """Return an answers file in which lines, `key: value`, replace those of their keys, but for a comment there."""
    content = file.content
    for line in lines:
        old = rb"(?m)^%s:.*?((?:[ \t]+#.*)?\r?)$" % line.partition(b":")[0]
        content = re.sub(old, partial(_with_its_comment, line), content)
    return File(content, file.executable)


def _with_its_comment(line: bytes, found: re.Match[bytes]) -> bytes:
    return line + found[1]


def _loaded(file: File) -> Answers:
    """Return the content of an answers file; nothing where it is no mapping."""
    try:
        content = yaml.load(file.content, Loader)  # noqa: S506, a safe loader
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


@contextmanager
def _naming(instance: Instance) -> Iterator[None]:
    """Prefix a UserError with the instance's name."""
    try:
        yield
    except UserError as refusal:
        raise UserError(f"{instance.name}: {refusal}") from None


def _below(instance: Instance, files: Mapping[PurePosixPath, File]) -> dict[str, File]:
    """Return an instance's files by their paths in the repository."""
    return {(instance.folder / path).as_posix(): file for path, file in files.items()}


@cache
def _same_inputs(old: Path, new: Path, generator: str) -> bool:
    """Return whether two versions of the template are the same in all that such an instance is rendered from."""
    parts = ("copier.yml", "questions", "macros", "generators", *(["template"] if generator == "cluster" else []))
    return _objects(old, parts) == _objects(new, parts)


@cache
def _objects(template: Path, parts: tuple[str, ...]) -> str:
    return run("git", "-C", template, "ls-tree", "HEAD", "--", *parts)


def _follow(instance: Instance, new: Template) -> dict[str, File | None] | None:
    """Return the answers file alone, with the new version; None when more than its metadata would change."""
    metadata = {"_commit": new.commit, "_src_path": new.source}
    if "_commit_id" in instance.recorded:
        metadata["_commit_id"] = new.commit_id
    yours = File((ROOT / instance.answers_file).read_bytes(), executable=False)
    file = _with_lines(yours, (f"{key}: {value}".encode() for key, value in metadata.items()))
    return {instance.answers_file: file} if _loaded(file) == {**instance.recorded, **metadata} else None


def _yours(before: Files, after: Files, obsolete: Iterable[str]) -> Files:
    """Return the tracked files of the units in which the template changed something, or a file is deleted."""
    units = {unit_of(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    units.update(map(unit_of, obsolete))
    return {
        path: file_of(mode, content_of(name, path, _filtered()))
        for unit in units
        for path, mode, name in _by_unit().get(unit, ())
    }


@cache
def _filtered() -> frozenset[str]:
    return filtered(path for path, _, _ in tracked())


@cache
def _by_unit() -> Mapping[str, list[tuple[str, str, str]]]:
    by_unit: dict[str, list[tuple[str, str, str]]] = {}
    for entry in tracked():
        by_unit.setdefault(unit_of(entry[0]), []).append(entry)
    return by_unit
