"""Questions: type, when they are asked, default, choices and examples, from the questions themselves."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import talos_flux.template.render
from tests.support.questions import is_public, questions
from tests.support.render import PROJECT
from tests.tools import records
from tests.tools.pages.tables import Row, filled
from tests.tools.records.generator import GIVEN
from tests.tools.records.generator import records as generator_records

PAGE = PROJECT / "docs/reference/questions.md"
HEADER = "| question | type | asked | default | choices, or an example | rule |"
NAME = GIVEN["name"]
# Of a node and a folder there is more to say than one example.
ELSEWHERE = {"nodes": "[a node](#a-node)"}
SECTIONS = {"cluster": "# Questions", **{each.name: f"## {each.title}" for each in generator_records()}}
# Answers with which each question is asked, the usual ones first. What is given has no default.
WITH: dict[str, list[dict[str, Any]]] = {
    "cluster": [
        {},
        {"backups": "s3", "backup_s3_url": "https://s3.eu-central-1.amazonaws.com/anton-backups"},
        *(each.answers for each in records.backends()),
        {
            "node_cidr_ipv6": "fd12:3456:789a:1::/64",
            "load_balancer_announcement": "bgp",
            "bgp_router_address": "192.168.1.254",
            "bgp_router_address_ipv6": "fd12:3456:789a:1::1",
            "bgp_router_asn": 64513,
            "bgp_node_asn": 64514,
        },
    ],
    **{each.name: each.additions for each in generator_records()},
}


def page(text: str) -> str:
    """Return the page with its three tables as they should be."""
    for generator, title in SECTIONS.items():
        above, section = re.split(rf"(?<=^{title}\n)", text, maxsplit=1, flags=re.MULTILINE)
        text = above + filled(section, HEADER, list(rows(generator)))
    return text


def rows(generator: str) -> Iterator[Row]:
    """Yield a row for each question that a person can be asked.

    When it is asked, and its rule, are written by hand, but for those of the records.
    """
    of_records = {
        name: (f"with {each.name}", question.rule)
        for each in records.backends()
        for name, question in each.questions.items()
    } | {
        name: (question.asked, question.rule) for each in generator_records() for name, question in each.answers.items()
    }
    for name, question in questions(generator).items():
        if is_public(question):
            kind = "choices" if question.get("multiselect") else "choice" if "choices" in question else question["type"]
            told = of_records.get(name)
            asked, rule = told or (None, None)
            yield [name, kind, asked, default(generator, name, question), possible(name, question), rule]


def default(generator: str, name: str, question: dict[str, Any]) -> str:
    """Return the value when nobody answers, in the cluster Anton; a dash where somebody must."""
    if name == "nodes":
        return "k8s-1 to k8s-3, at .98 to .100 of node_cidr"
    for given in WITH[generator]:
        if name not in given and name in (answers := recorded(json.dumps(given))):
            value = answers[name]
            if value in (None, "", [], {}):
                return "none"
            text = value if isinstance(value, str) else json.dumps(value)
            others = public(generator) - {name} | {"git_host"}
            follows = ", follows other answers" if mentions(str(question["default"]), others) else ""
            return f"`{text.replace(NAME, f'<{generator}>')}`{follows}"
    return "–"


def mentions(expression: str, names: set[str]) -> bool:
    """Whether a default is made of other answers; those of macros/defaults.jinja all are."""
    return "macros/defaults.jinja" in expression or any(re.search(rf"\b{name}\b", expression) for name in names)


def public(generator: str) -> set[str]:
    """Return the names of a generator's questions."""
    return {name for name, question in questions(generator).items() if is_public(question)}


@cache
def recorded(given: str) -> dict[str, Any]:
    """Return what is recorded when everything else takes its default. `given` is JSON."""
    return template().recorded({}, json.loads(given))


@cache
def template() -> talos_flux.template.render.Template:
    """Return the working tree as a template."""
    return talos_flux.template.render.Template(PROJECT, commit="", source=str(PROJECT))


def possible(name: str, question: dict[str, Any]) -> str:
    """Every value that may be chosen, or one that may be typed."""
    if question["type"] == "bool":
        return "true, false"
    listed = question.get("choices", {})
    values = listed.values() if isinstance(listed, dict) else listed
    found = ", ".join(str(value["value"] if isinstance(value, dict) else value) for value in values)
    return found or ELSEWHERE.get(name) or f"`{example(question['help'])}`".replace("|", "\\|")


def example(words: str) -> str:
    """Return the first example in the help of a question; raise ValueError when there is none."""
    # A line's end inside a sentence is a space; a list keeps its lines.
    words = re.sub(r"\n(?![-\s]|$)", " ", words)
    _, found, rest = re.sub(r"{{ \w+_name \| default\(''\) }}", NAME, words).partition("e.g. ")
    rest = rest if found else _.partition("e.g.\n")[2]
    if not rest:
        raise ValueError(f"no example in: {words}")
    if rest[0] in "[{":
        end = next(number for number in range(1, len(rest) + 1) if is_balanced(rest[:number]))
        return rest[:end]
    if rest[0] in '`"':
        return rest[: rest.index(rest[0], 1) + 1].strip("`")
    return rest.splitlines()[0] if rest.startswith("- ") else rest.split()[0].rstrip(".,;:")


def is_balanced(text: str) -> bool:
    """Whether every bracket is closed."""
    return all(text.count(opening) == text.count(closing) for opening, closing in ("[]", "{}"))
