"""Render one version of the template in process: the files that Copier would write, many times faster.

Copier compiles every part of every path anew, for each path. Here each text is compiled once, for all the renders of a
Template, and the default of a question that does not apply is computed only where something uses it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import cache, cached_property
from io import StringIO
from pathlib import Path, PurePath, PurePosixPath
from textwrap import shorten
from types import MappingProxyType
from typing import Any

# Settings, types, choices, filters and what a template sees are Copier's own, so that they mean the same here. These
# names are internal: a release may change them, which is why Copier's version is pinned.
from copier._jinja_ext import YieldExtension, get_yield_context
from copier._main import Worker
from copier._settings import SettingsModel
from copier._template import Template as Settings
from copier._types import MISSING, JSONSerializable, Phase
from copier._user_data import DEFAULT_DATA, AnswersMap, Question
from jinja2.runtime import Context, missing

from talos_flux.errors import UserError
from talos_flux.paths import cache_folder
from talos_flux.repository.contents import File, is_gits_own, is_the_tools_own
from talos_flux.template.compiled import CompiledFiles

Answers = Mapping[str, Any]
Names = dict[str, Any]

NOTHING: Answers = MappingProxyType({})
# How Copier begins what it says of an answer.
OF_AN_ANSWER = re.compile(r"^(?:Validation error for question|Invalid choice for) '(\w+)': ")
# Filters of Copier that read the environment, or which files there are: a template sees answers, and nothing else.
READING = ("expandvars", "expanduser", "fileglob", "relpath")
UNSUPPORTED = ("tasks", "migrations", "jinja_extensions", "external_data", "secret_questions", "skip_if_exists")


class RefusedAnswer(UserError):
    """A recorded answer that breaks its rule, with the other answers as they are now.

    `default` is the question's default, which knows the recorded answer, `suggested` the one that does not know it;
    each is `missing` where it breaks the rule too, or there is none.
    """

    def __init__(self, question: Question, answer: Any, refusal: UserError) -> None:
        """Compute the defaults of the question."""
        super().__init__(str(refusal))
        self.name, self.answer = question.var_name, answer
        self.reason = reason_of(refusal.__cause__ or refusal)
        self.default = default_that_does(question)
        unknowing = copy(question)
        unknowing.context = {name: value for name, value in question.context.items() if name != self.name}
        self.suggested = default_that_does(unknowing)


@dataclass(frozen=True)
class Entry:
    """A file or folder of the template: `name` is its path there, `part` the text that renders to its last part."""

    path: Path
    name: str
    part: str
    is_folder: bool = False
    is_template: bool = False
    executable: bool = False


class Template:
    """A template's folder at one version; the folder must not change while this is in use."""

    def __init__(self, folder: Path, *, commit: str, source: str) -> None:
        """Read copier.yml; `commit` and `source` are what the answers file records as _commit and _src_path.

        UserError when copier.yml is broken, or needs a feature that is not supported here.
        """
        self.folder, self.commit, self.source = folder.resolve(), commit, source
        # Copier writes what is wrong with copier.yml to the terminal.
        with refusing(f"the template {self} can't be used"), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            self._settings = Settings(source)
            # Copier would clone the source to get these.
            vars(self._settings).update(local_abspath=self.folder, commit=commit)
            self._refuse_what_is_unsupported()
            self._env = self._worker(NOTHING, Path()).jinja_env
            self._env.auto_reload = False
            self._env.bytecode_cache = CompiledFiles(cache_folder() / "compiled", self._settings.envops)
            self._env.context_class = LazyContext
            for name in READING:
                self._env.filters.pop(name, None)
            # Copier's questions compile by this method. Anything but a text still raises TypeError.
            vars(self._env)["from_string"] = self._compiled = cache(self._env.from_string)
            # Yields are reset before each render; preprocess would reset them also when a text is compiled meanwhile.
            vars(self._env.extensions[YieldExtension.identifier])["preprocess"] = lambda text, *_: text
            self._questions = {
                name: Question(name, AnswersMap(), {}, self._env, settings=SettingsModel(), **details)
                for name, details in self._settings.questions_data.items()
            }
        self._entries = cache(self._list)
        self._bytes = cache(Path.read_bytes)

    def __str__(self) -> str:
        return f"{self.source} {self.commit}"

    @property
    def commit_id(self) -> str:
        """Return the id of the commit that is checked out in its folder; empty outside of a Git checkout."""
        return self._settings.commit_hash or ""

    def answers(self, recorded: Answers, data: Answers = NOTHING, *, destination: Path = Path()) -> Names:
        """Return the value of every question that has one, as files see it; arguments and UserError as in render."""
        names = self._names(recorded, data, destination)
        values = {name: known(names[name]) for name in self._questions}
        return {name: value for name, value in values.items() if value is not missing}

    def recorded(
        self,
        recorded: Answers,
        data: Answers = NOTHING,
        *,
        destination: Path = Path(),
        ask: Callable[[Question], Any] | None = None,
    ) -> Names:
        """Return the answers that the answers file will hold; arguments and UserError as in render.

        `ask` is called for questions that a person would be asked and that have no answer; without it, they get their
        defaults.
        """
        remembered = self._names(recorded, data, destination, ask)["_copier_answers"]
        return {name: value for name, value in remembered.items() if name in self._questions}

    def facts(self, recorded: Answers, data: Answers = NOTHING, *, destination: Path = Path()) -> Mapping[str, Any]:
        """Return what follows from a cluster's answers, by what it is; arguments and UserError as in render.

        Empty for a template that does not say.
        """
        facts = known(self._names(recorded, data, destination).get("facts"))
        return facts if isinstance(facts, Mapping) else {}

    def texts(self, recorded: Answers, more: Answers = NOTHING, *, destination: Path = Path()) -> Callable[[str], str]:
        """Return the function that renders a text of Jinja as the template's own files see the answers of an instance.

        They see `more` names as well. The function raises UserError when a text can't be rendered.
        """
        names = {**self._names(recorded, NOTHING, destination), **more, "_copier_phase": Phase.RENDER}

        def text(source: str) -> str:
            with refusing("it can't be rendered"):
                return self._text(self._compiled(source), names)

        return text

    def render(
        self, recorded: Answers, data: Answers = NOTHING, *, destination: Path = Path()
    ) -> dict[PurePosixPath, File]:
        """Return the files of an instance, the answers file among them.

        `recorded` is the content of its answers file; `data` overrides it; the rest are defaults. `destination` is only
        seen by the template, as _copier_conf.dst_path, and its last part as _folder_name.

        UserError when an answer breaks its rule, one is missing or unknown, or the template fails.
        """
        names = self._names(recorded, data, destination)
        names["_copier_phase"] = Phase.RENDER
        is_excluded = self._exclusion(names)
        files: dict[PurePosixPath, File] = {}
        for path, entry, seen in self._paths(self._root(names), (), names):
            if is_excluded(Path(path)):
                continue
            if path.is_absolute() or ".." in path.parts:
                raise UserError(
                    f"{entry.name} of the template {self} would be written to {path}, outside of its folder."
                )
            if any(map(is_gits_own, path.parts)):
                raise UserError(f"{entry.name} of the template {self} would be written to {path}, which is git's own.")
            if any(map(is_the_tools_own, path.parts)):
                raise UserError(
                    f"{entry.name} of the template {self} would be written to {path}, which is the tools' own."
                )
            file = File(self._content(entry, seen), entry.executable)
            if files.setdefault(path, file) != file:
                raise UserError(f"two files of the template {self} would be written to {path}.")
        return files

    # --- The template, once ---

    def _refuse_what_is_unsupported(self) -> None:
        settings = self._settings
        unsupported = [f"_{name}" for name in UNSUPPORTED if settings.config_data.get(name)]
        unsupported += [f"the secret question {name}" for name in sorted(settings.secret_questions)]
        unsupported += ["a templated _answers_file"] if "{" in str(settings.answers_relpath) else []
        unsupported += ["an empty _templates_suffix"] if not settings.templates_suffix else []
        if unsupported:
            raise UserError(f"the template {self} can't be rendered here: it has {', '.join(unsupported)}.")

    def _worker(self, data: Answers, destination: Path, *, defaults: bool = True) -> Worker:
        """Return Copier's process, of which only the environment and the names that a template sees are used."""
        own = SettingsModel()  # not the user's
        worker = Worker(
            self.source, destination, vcs_ref=self.commit, data=dict(data), settings=own, defaults=defaults, quiet=True
        )
        vars(worker)["template"] = self._settings
        return worker

    def _list(self, folder: Path) -> list[Entry]:
        """Return the entries of a folder of the template; UserError when one is a symlink."""
        suffix = self._settings.templates_suffix
        entries = []
        for path in sorted(folder.iterdir()):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink():
                raise UserError(f"the template {self} can't be rendered here: {name} is a symlink.")
            if path.is_dir():
                entries.append(Entry(path, name, path.name, is_folder=True))
            elif not path.with_name(path.name + suffix).exists():
                is_template = path.name.endswith(suffix)
                part = path.with_suffix("").name if is_template else path.name
                executable = bool(path.stat().st_mode & 0o100)
                entries.append(Entry(path, name, part, is_template=is_template, executable=executable))
        return entries

    # --- The answers ---

    def _names(
        self,
        recorded: Answers,
        data: Answers,
        destination: Path,
        ask: Callable[[Question], Any] | None = None,
    ) -> Names:
        """Return all names that a file sees; a LazyValue where none was needed yet, `missing` where there is none."""
        if unknown := sorted(data.keys() - self._questions.keys()):
            raise UserError(f"{unknown[0]} is no question of the template {self}.")
        # Copies, because a template can change the lists that it sees.
        last, init = deepcopy(dict(recorded)), deepcopy(dict(data))
        worker = self._worker(init, destination, defaults=ask is None)
        worker.answers = AnswersMap(init=init, metadata=self._settings.metadata, last=last)
        with Phase.use(Phase.PROMPT):
            names = dict(worker._render_context())
        names["_copier_conf"]["answers_file"] = PurePath(self._settings.answers_relpath)
        names["_folder_name"] = destination.name  # Copier's depends on the working directory
        names |= dict.fromkeys(DEFAULT_DATA, missing)  # the time and random values
        remembered = names["_copier_answers"]
        for name, prototype in self._questions.items():
            question = copy(prototype)
            question.context = names
            if isinstance(question.default, (dict, list)):
                question.default = deepcopy(question.default)
            with refusing(f"{name} can't be answered"):
                is_asked = question.get_when()
                if is_asked or name in init:
                    value = self._answer(question, last, init, ask)
                else:
                    question.context = {**names, "_copier_answers": dict(remembered)}
                    value = LazyValue(question)
            names[name] = value
            if is_asked and isinstance(value, JSONSerializable):
                remembered[name] = value
            else:
                remembered.pop(name, None)
        return names

    def _answer(
        self, question: Question, recorded: Answers, data: Answers, ask: Callable[[Question], Any] | None
    ) -> Any:
        """Return the value of a question that applies, or `missing`; UserError when it is invalid, or required."""
        name = question.var_name
        if name in data:
            return checked(question, data[name])
        if name in recorded:
            try:
                value = checked(question, recorded[name])
            except UserError as refusal:
                raise RefusedAnswer(question, recorded[name], refusal) from None
            # Copier casts the answers to what it asks, and keeps others as they are recorded.
            return value if value is recorded[name] or question.get_ask() else recorded[name]
        if ask and question.get_ask():
            return checked(question, ask(question))
        with refusing(f"the default of {name} is refused"):
            value = question.get_default()
        if value is not MISSING:
            return value
        if question.get_ask():
            raise UserError(f"{name} needs an answer: the template {self} has no default for it.")
        return missing

    # --- The files ---

    def _text(self, template: Any, names: Names) -> str:
        """Return a rendered template; what it yields is in get_yield_context afterwards."""
        yields = get_yield_context(self._env)
        yields.yield_name = yields.yield_iterable = None
        return template.render(names)

    def _exclusion(self, names: Names) -> Callable[[Path], bool]:
        """Return the function that tells whether _exclude, or its default, excludes a path."""
        with refusing(f"_exclude of the template {self} can't be rendered"):
            patterns = [self._text(self._compiled(pattern), names) for pattern in self._settings.exclude]
        lines = [line for pattern in patterns for line in pattern.splitlines()]
        return self._worker(NOTHING, Path())._path_matcher(lines) if lines else lambda path: False

    def _root(self, names: Names) -> Path:
        """Return the folder to render, _subdirectory; UserError when there is none."""
        with refusing(f"_subdirectory of the template {self} can't be rendered"):
            name = self._text(self._compiled(self._settings.subdirectory), names)
        root = (self.folder / name).resolve()
        if not root.is_relative_to(self.folder) or not root.is_dir():
            raise UserError(f"the template {self} has no folder {name}, which is its _subdirectory.")
        return root

    def _paths(
        self, folder: Path, above: tuple[str, ...], names: Names
    ) -> Iterator[tuple[PurePosixPath, Entry, Names]]:
        """Yield the path of each file to write, its entry, and the names with those that its path yields."""
        for entry in self._entries(folder):
            for part, seen in self._parts(entry, names):
                path = PurePosixPath(*above, part)
                if entry.is_folder:
                    yield from self._paths(entry.path, path.parts, seen)
                elif part == str(self._settings.answers_relpath):
                    yield PurePosixPath(part), entry, seen
                elif entry.is_template or not (self.folder / f"{path}{self._settings.templates_suffix}").exists():
                    yield path, entry, seen

    def _parts(self, entry: Entry, names: Names) -> list[tuple[str, Names]]:
        """Return what the name of a file or folder renders to: nothing, a text, or one per value that it yields."""
        with refusing(f"the name of {entry.name} in the template {self} can't be rendered"):
            template = self._compiled(entry.part)
            parts = [(self._text(template, names), names)]
            yields = get_yield_context(self._env)
            if yields.yield_name:
                several = [{**names, yields.yield_name: value} for value in yields.yield_iterable or ()]
                parts = [(self._text(template, seen), seen) for seen in several]
        return [(text, seen) for text, seen in parts if text]

    def _content(self, entry: Entry, names: Names) -> bytes:
        if not entry.is_template:
            return self._bytes(entry.path)
        with refusing(f"{entry.name} of the template {self} can't be rendered"):
            text = self._text(self._env.get_template(entry.name), names)
            if get_yield_context(self._env).yield_name:
                raise UserError(f"{entry.name} of the template {self} has a yield tag, which only a name can have.")
        return text.encode()


class LazyValue:
    """The default of a question that does not apply, computed when it is used; few are."""

    def __init__(self, question: Question) -> None:
        self._question = question

    @cached_property
    def value(self) -> Any:
        """Return the default, or `missing`; UserError when it can't be computed."""
        with refusing(f"the default of {self._question.var_name} can't be computed"):
            value = self._question.get_default()
        return missing if value is MISSING else value


class LazyContext(Context):
    """Jinja's context, which computes a LazyValue when it is used."""

    def resolve_or_missing(self, key: str) -> Any:
        """Return the value of a name."""
        return known(super().resolve_or_missing(key))


def known(value: Any) -> Any:
    """Return the value of a LazyValue; anything else as it is."""
    return value.value if isinstance(value, LazyValue) else value


def checked(question: Question, answer: Any) -> Any:
    """Return an answer as its question's type; UserError when it is none of the choices, or breaks the rule."""
    with refusing(f"{question.var_name} can't be {shorten(repr(answer), 100)}"):
        value = question.parse_answer(answer)
        question.validate_answer(value)
    return value


def default_that_does(question: Question) -> Any:
    """Return the default of a question; `missing` when there is none, or it breaks the question's rule."""
    try:
        default = question.get_default()
    except Exception:
        return missing
    return missing if default is MISSING else default


def reason_of(error: BaseException) -> str:
    """Return what an error says, in one line without a full stop, or its kind when it says nothing."""
    return OF_AN_ANSWER.sub("", " ".join(str(error).split()) or type(error).__name__).removesuffix(".")


@contextmanager
def refusing(failure: str) -> Iterator[None]:
    """Turn any exception into a UserError that names the failure, since a template can raise anything."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{failure}: {reason_of(error)}.") from error
