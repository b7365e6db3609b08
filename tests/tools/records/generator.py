"""Generators, generators/<name>/generator.yaml beside their questions and template, and what follows from them.

What the tools read at run time is src/talos_flux/data/generators.json.
"""

import dataclasses
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from talos_flux.repository.generators import Generator
from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.made import MADE, in_order

FOLDER = PROJECT / "generators"
RECORD = "generator.yaml"
MADE_OF_RECORDS = MADE.format("generators/*/generator.yaml")
INCLUDE = re.compile(r"^---\n!include generators/([a-z-]+)/questions\.yml\n", re.MULTILINE)
TASK = re.compile(r"^  new:.*\n(?:(?:    .*)?\n)*", re.MULTILINE)
# Where the template's own names are, whatever is added.
GIVEN = {"namespace": "media", "name": "films"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the reference and the tests know of the answer to a question.

    `asked` and `rule` stand in the reference. `good` are answers; `bad` are some that are refused, each with words of
    the refusal, and with the answers that it takes, where those are not the first example's.
    """

    asked: str = ""
    rule: str = ""
    good: list[Any] = dataclasses.field(default_factory=list)
    bad: list[dict[str, Any]] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Record(Generator):
    """A generator, with what people read and tests know of it.

    `title` is that of its questions in the reference, `does` what its task says. `examples` are answers with which
    each question is asked, the usual ones first. `cluster` are answers of a cluster that has what it needs.
    `answers` says what the tests know of the answer to a question, where they have no table of their own.
    """

    title: str
    does: str
    examples: tuple[dict[str, Any], ...]
    cluster: dict[str, Any] = dataclasses.field(default_factory=dict)
    answers: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def given(self) -> dict[str, str]:
        """Return what an addition of it knows of itself, in the tests and in the reference."""
        names = list(GIVEN.values()) if self.is_in_a_namespace else [GIVEN["namespace"]]
        return {"generator": self.name, **dict(zip(self.parts_of_the_path, names, strict=True))}

    @property
    def additions(self) -> list[dict[str, Any]]:
        """Return the answers of its examples, complete."""
        return [{**self.given, **each} for each in self.examples]


@cache
def records() -> tuple[Record, ...]:
    """Return all generators in the order of their questions; ValueError for a key that is missing or is none."""
    before = INCLUDE.findall((PROJECT / "copier.yml").read_text())
    found = {path.parent.name: record(path) for path in sorted(FOLDER.glob(f"*/{RECORD}"))}
    return tuple(found[name] for name in dict.fromkeys([*before, *found]) if name in found)


def record(path: Path) -> Record:
    """Return what a record says."""
    read = backend.read(path, Record)
    lists: dict[str, Any] = {
        each.name: tuple(value)
        for each in dataclasses.fields(read)
        if isinstance(value := getattr(read, each.name), list)
    }
    told = {name: Told(**said) for name, said in read.answers.items()}
    return dataclasses.replace(read, name=path.parent.name, answers=told, **lists)


def all_tables(listed: Iterable[Record]) -> dict[Path, str]:
    """Return each table as it should be, by its path. What is around them stays as it is."""
    given = tuple(listed)
    settings = PROJECT / "copier.yml"
    tasks = PROJECT / "template/.taskfiles/apps/Taskfile.yaml"
    return {
        PROJECT / "src/talos_flux/data/generators.json": at_run_time(given),
        PROJECT / "macros/generators.jinja": macros(given),
        settings: with_includes(settings.read_text(), given),
        tasks: with_tasks(tasks.read_text(), given),
        **{path: text for each in given for path, text in of_one(each).items()},
    }


def at_run_time(listed: Iterable[Record]) -> str:
    """Return what the tools know of the generators."""
    keys = [each.name for each in dataclasses.fields(Generator) if each.name != "name"]
    said = {each.name: {key: getattr(each, key) for key in keys} for each in listed}
    return json.dumps(said, indent=2) + "\n"


def macros(listed: Iterable[Record]) -> str:
    """Return the answers of the cluster that each generator takes over, in Jinja."""
    lines = [f"{{#- {MADE_OF_RECORDS} -#}}", "{% set taken_over = {"]
    lines += [f"  {each.name!r}: {list(each.takes_over)!r}," for each in listed]
    return "\n".join([*lines, "} %}", ""])


def with_includes(text: str, listed: Iterable[Record]) -> str:
    """Return copier.yml with the questions of each generator, those that are new at the end."""
    lines = {each.name: f"---\n!include generators/{each.name}/questions.yml\n" for each in listed}
    return INCLUDE.sub("", text) + "".join(in_order(INCLUDE.findall(text), lines))


def with_tasks(text: str, listed: Iterable[Record]) -> str:
    """Return a Taskfile whose first tasks add what the generators make."""
    first = TASK.search(text)
    if not first:
        raise ValueError("the Taskfile has no task new:.")
    tasks = "".join(task(each, is_first=not number) for number, each in enumerate(listed))
    return text[: first.start()] + tasks + TASK.sub("", text[first.start() :])


def task(generator: Record, *, is_first: bool) -> str:
    """Return its task."""
    variable = generator.variable
    takes = f"{variable}={re.sub('[<>]', '', generator.address)}"
    why = "    # A --data-file is looked for where the person is.\n" if is_first else ""
    return (
        f"  new:{generator}:\n"
        f"    desc: {generator.does} [{takes}] (-- --data question=answer answers)\n"
        f'{why}    dir: "{{{{.USER_WORKING_DIR}}}}"\n'
        "    cmd: >-\n"
        f"      {{{{.ROOT_DIR | shellQuote}}}}/scripts/talos-flux {generator} new\n"
        f'      --{variable.lower()}={{{{.{variable} | default "" | shellQuote}}}} {{{{.CLI_ARGS}}}}\n'
        "    silent: true\n\n"
    )


def of_one(generator: Record) -> dict[Path, str]:
    """Return what every generator has in its folder, and its subcommand."""
    folder, command = FOLDER / generator.name, PROJECT / "src/talos_flux/cli" / generator.name
    name = generator.name
    return {
        folder / "copier.yml": ENTRY.format(name=name, made=MADE_OF_RECORDS),
        folder / "nothing/.gitkeep": "",
        folder / "template/{{ _copier_conf.answers_file }}.jinja": ANSWERS.format(name=name),
        **(
            {
                command / "__init__.py": GROUP.format(name=name, made=MADE_OF_RECORDS),
            }
            if has_no_other_subcommand(command)
            else {}
        ),
        command / "new.py": SUBCOMMAND.format(name=name, article=generator.with_article, made=MADE_OF_RECORDS),
    }


def has_no_other_subcommand(folder: Path) -> bool:
    """Whether the group of its subcommand is of this one alone; another one says itself what is in it."""
    return {path.name for path in folder.glob("*.py")} <= {"__init__.py", "new.py"}


ENTRY = """\
# The entry for `copier copy --trust generators/{name} kubernetes/apps/...`. It asks and renders nothing: its task
# lets Copier do both from the root of the template, because only from there a copy can be updated.
# {made}

_min_copier_version: "9.19.0"
_subdirectory: nothing
_exclude: [.gitkeep]

_message_after_copy: |
  {{%- if _copier_conf.pretend -%}}
  Copier runs no task with --pretend. This shows what would be written:
  {{{{ [_copier_python, _copier_conf.src_path.parent.parent / 'hooks/add.py', '{name}', _copier_conf.dst_path] | map('string') | map('quote') | join(' ') -}}}}
  {{{{ ' --pretend' ~ (' --defaults' if _copier_conf.defaults else '') -}}}}
  {{% for name, answer in _copier_conf.data.items() %}} --data {{{{ (name ~ '=' ~ (answer if answer is string else answer | to_json)) | quote }}}}{{% endfor %}}
  {{%- endif %}}

_tasks:
  - command:
      - "{{{{ _copier_python }}}}"
      - "{{{{ _copier_conf.src_path.parent.parent / 'hooks/add.py' }}}}"
      - {name}
      - "{{{{ _copier_conf.dst_path | string | realpath }}}}"
      - --as-copier
      - "{{{{ {{'data': _copier_conf.data, 'defaults': _copier_conf.defaults, 'vcs_ref': _copier_conf.vcs_ref}} | to_json }}}}"
    # Not in the destination, which Copier would have to make first.
    working_directory: "{{{{ _copier_conf.src_path }}}}"
"""  # noqa: E501
ANSWERS = """\
{{% from 'macros/answers.jinja' import answers_file with context %}}
{{{{ answers_file('{name}') -}}}}
"""
GROUP = '''\
"""talos-flux {name}: a module for each subcommand. {made}"""

from talos_flux.cli.commands import Group

command = Group(package=__name__, help="Add {name}s.")
'''
SUBCOMMAND = '''\
"""talos-flux {name} new: add {article}. {made}"""

from talos_flux.cli.additions import addition

command = addition("{name}", help="Add {article} from the template, at the version that this repository follows.")
'''
