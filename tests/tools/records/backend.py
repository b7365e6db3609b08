"""Backends, backends/<kind>/<name>.yaml: each is an answer of one question, and the tables that follow from it."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.support.render import PROJECT
from tests.tools.records.made import MADE

BACKENDS = PROJECT / "backends"
Record = TypeVar("Record")


@dataclass(frozen=True)
class Question:
    """What else is asked when a backend is chosen.

    `like` is the regular expression that an answer fits whole, `refusal` follows an answer that does not, `rule` stands
    on the page of the questions. `good` and `bad` are answers for the tests.
    """

    help: str
    like: str
    refusal: str
    rule: str
    good: tuple[str, ...]
    bad: tuple[str, ...]


def paths(kind: str) -> list[Path]:
    """Return the records of a kind, by name."""
    return sorted((BACKENDS / kind).glob("*.yaml"), key=lambda path: path.stem)


def read(path: Path, record: type[Record], **parts: type[Any]) -> Record:
    """Return what a file says, as a dataclass; `name` is the file's. A field with a default may be left out.

    `like` names another record of the kind, which says what this one does not; `parts` are the dataclasses of keys that
    have keys themselves. ValueError for a key that is missing, or that is no field.
    """
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    if other := values.pop("like", ""):
        values = {**yaml.safe_load((BACKENDS / path.parent.name / f"{other}.yaml").read_text()), **values}
    _refuse_other_keys(str(path), values, record)
    for name, part in parts.items():
        if name in values:
            _refuse_other_keys(f"{path}: {name}", values[name], part)
            values[name] = part(**values[name])
    if "questions" in values:
        values["questions"] = {name: Question(**said) for name, said in values["questions"].items()}
    return record(**{"name": path.stem, **values})


def answers_of(question: str, record: Any) -> dict[str, str]:
    """Return answers that choose a record, and a good one to each question that it has, for the tests."""
    return {question: record.name, **{name: asked.good[0] for name, asked in record.questions.items()}}


def facts_of(listed: Iterable[Any], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return fields of records, by the record's name: what templates may ask."""
    found = {each.name: {name: getattr(each, name) for name in names} for each in listed}
    return {
        name: {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}
        for name, said in found.items()
    }


def texts_of(listed: Iterable[Any], names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return texts of records, by the text's name and the record's, without those that are empty."""
    given = tuple(listed)
    return {text: {each.name: getattr(each, text) for each in given if getattr(each, text)} for text in names}


def _refuse_other_keys(place: str, values: Mapping[str, Any], record: type[Any]) -> None:
    known = {each.name: each for each in fields(record) if each.name != "name"}
    needed = {name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING}
    for name in sorted(values.keys() - known.keys() | needed - values.keys()):
        raise ValueError(f"{place}: {name} is {'no key of a record' if name in values else 'missing'}.")


def macros(
    kind: str,
    question: str,
    facts: Mapping[str, Mapping[str, Any]],
    texts: Mapping[str, Mapping[str, str]],
    variable: str = "",
    *,
    name: str = "",
    imports: Iterable[str] = (),
) -> str:
    """Return what templates ask about the backend that answers a question.

    A variable with the kind's name, or the given one, has the facts of it, by name, and is empty where the answer has
    no record; each text, which may be a template, is a macro <kind>_<text>, and empty for those that do not have it.
    `name` stands for the kind's in both. `imports` are what the texts use.
    """
    made = MADE.format(f"backends/{kind}/*.yaml")
    lines = [f"{{#- {made} Import with context. -#}}", *imports, f"{{% set {variable or name or kind} = {{"]
    for answer, said in facts.items():
        lines.append(f"  {answer!r}: dict({', '.join(f'{key}={value!r}' for key, value in said.items())}),")
    lines.append(f"}}.get({question} | default(''), {{}}) %}}")
    for text, by_name in texts.items():
        lines += ["", f"{{% macro {name or kind}_{text}() %}}"]
        for number, (answer, said_of_it) in enumerate(by_name.items()):
            lines.append(f"{{% {'elif' if number else 'if'} {question} == {answer!r} %}}")
            lines += said_of_it.rstrip("\n").split("\n")
        lines += ["{% endif %}"] * bool(by_name) + ["{% endmacro %}"]
    return "\n".join([*lines, ""])


def rules(kind: str, asked: Iterable[tuple[str, Question]]) -> str:
    """Return the rules of the questions of all records of a kind, each a macro."""
    lines = [f"{{#- {MADE.format(f'backends/{kind}/*.yaml')} -#}}"]
    lines.append("{% from 'macros/names.jinja' import as_one_line %}")
    for name, question in asked:
        lines += [
            f"\n{{% macro {name}_error(text) -%}}",
            f"  {{% if not text | string | regex_search({f'^({question.like})' + chr(92) + 'Z'!r}) %}}",
            f"    {{{{- as_one_line(text) }}}} {question.refusal}",
            "  {%- endif %}\n{%- endmacro %}",
        ]
    return "\n".join([*lines, ""])


def questions(kind: str, parent: str, title: str, asked: Mapping[str, Mapping[str, Question]]) -> str:
    """Return what is asked when `parent` is answered by one of these; nobody but the person can know it."""
    found = []
    for backend, by_name in asked.items():
        for name, question in by_name.items():
            lines = question.help.rstrip("\n").split("\n")
            said = f" {lines[0]}" if len(lines) == 1 else "".join(f"\n    {line}" for line in lines).join([" |", ""])
            rule = f"{{% from 'macros/{kind}_rules.jinja' import {name}_error %}}{{{{ {name}_error({name}) }}}}"
            default = f"'nothing, which {parent} {backend} needs,' if _copier_conf.defaults else UNSET"
            found.append(
                f"{name}:\n  type: str\n  help:{said}\n"
                f'  default: "{{{{ {default} }}}}"\n'
                f"  when: \"{{{{ generator == 'cluster' and {parent} == '{backend}' }}}}\"\n"
                f'  validator: "{rule}"\n'
            )
    return f"# {title}\n# {MADE.format(f'backends/{kind}/*.yaml')}\n\n" + "\n".join(found)
