"""What the tables that are made of records have in common."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

MADE = "Made by `make tables` of {}."
NO_TABLES: Mapping[Path, str] = MappingProxyType({})
CHOICE = re.compile(r"^    (?=\S)", re.MULTILINE)
VALUE = re.compile(r"^      value: (\S+)$|\A.+: (\S+)$", re.MULTILINE)


def text_of(path: Path, made: Mapping[Path, str]) -> str:
    """Return a file as the tables made before leave it: several of them write into some files."""
    return made[path] if path in made else path.read_text()


def in_order(before: Iterable[str], entries: Mapping[str, str]) -> list[str]:
    """Return entries in the order in which their names stood before, those that are new at the end."""
    return [entries[name] for name in dict.fromkeys([*before, *entries]) if name in entries]


def pins_of(text: str) -> list[str]:
    """Return the pins that a file of questions records, in its order."""
    return re.findall(r"^(pin_\w+):$", text, re.MULTILINE)


def with_choices(text: str, question: str, entries: Mapping[str, str], others: Iterable[str] = ()) -> str:
    """Return a file of questions whose question has these choices, each an entry by its value.

    Copier records what is chosen in this order: those that are there keep it, new ones come behind them. `others` are
    choices without a record, which stay as they are, at the end. ValueError for a question without choices.
    """
    block = re.search(rf"(?<=^{question}:\n)((?:  .*\n)*?  choices:\n)((?:    .*\n)+)", text, re.MULTILINE)
    if not block:
        raise ValueError(f"{question} has no choices.")
    before = {_value(each): f"    {each}" for each in CHOICE.split(block[2])[1:]}
    kept = {name: before[name] for name in others}
    chosen = in_order([name for name in before if name not in kept], entries)
    return text[: block.start(2)] + "".join([*chosen, *kept.values()]) + text[block.end(2) :]


def with_question(text: str, name: str, entry: str) -> str:
    """Return a file of questions with this one, in its place or at the end, so that the order of answers stays."""
    found = re.search(rf"^{name}:\n(?:  .*\n)+", text, re.MULTILINE)
    return text[: found.start()] + entry + text[found.end() :] if found else f"{text}\n{entry}"


def with_condition(text: str, question: str, when: str) -> str:
    """Return a file of questions whose question is asked on this condition; ValueError where there is no such line."""
    found = re.search(rf"(?<=^{question}:\n)((?:  .*\n)*?  when: )(.*)\n", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{question} has no condition.")
    return text[: found.start(2)] + f'"{{{{ {when} }}}}"' + text[found.end(2) :]


def choice_of(name: str, text: str) -> str:
    """Return a choice of a question."""
    return f"    {name} - {text}: {name}\n"


def pin_question(name: str, default: str, when: str = "") -> str:
    """Return the question that records a version in a cluster, on this condition of Jinja; the default is YAML."""
    condition = f"generator == 'cluster' and {when}" if when else "generator == 'cluster'"
    return f'{name}:\n  type: str\n  default: {default}\n  ask: false\n  when: "{{{{ {condition} }}}}"\n'


def is_answered(question: str, answers: Iterable[str]) -> str:
    """Return the condition of Jinja that a question is answered by one of these."""
    listed = list(answers)
    return f"{question} == {listed[0]!r}" if len(listed) == 1 else f"{question} in {listed}"


def key_names(keys: str) -> list[str]:
    """Return the names in a text of keys of bootstrap/secrets.yaml."""
    return [key["name"] for key in yaml.safe_load(keys)]


def scalar(value: Any) -> str:
    """Return a version as YAML: quoted where it would be a number."""
    plain = str(value)
    return json.dumps(plain) if re.fullmatch(r"[0-9.]*", plain) and plain.count(".") < 2 else plain


def _value(entry: str) -> str:
    """Return the value of a choice."""
    match = VALUE.search(entry)
    if not match:
        raise ValueError(f"a choice has no value: {entry.strip()}")
    return match[1] or match[2]
