"""Ingresses, backends/ingress/<name>.yaml, and the tables that follow from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.made import NO_TABLES, choice_of, text_of, with_choices

# Texts of a record that are templates, each a macro.
TEXTS = ("what_it_is", "annotations", "which_annotations")
FACTS = ("internal", "external", "route", "external_service", "gateway_class", "websockets")
ROUTES = ("Ingress", "HTTPRoute")


@dataclass(frozen=True)
class Ingress:
    """What answers for the host names of apps.

    `choice` is the text of its choice. `internal` and `external` are the components that an app waits for by its
    exposure. `route` is the kind of object that an app writes: an Ingress of class internal or external, or an
    HTTPRoute whose parent is the Gateway internal or external in namespace network, both of `gateway_class`.
    `external_service` is the Service there that takes requests from outside. `websockets` is the annotation that names
    the Services with WebSockets, where it has to be told; then apps are asked about those and about the size of
    uploads, and `annotations` says it, as JSON, with `which_annotations` for people. `what_it_is` stands in AGENTS.md.
    `words` are what no cluster with another ingress may contain.
    """

    name: str
    choice: str
    internal: str
    external: str
    route: str
    external_service: str
    what_it_is: str
    words: tuple[str, ...]
    gateway_class: str = ""
    websockets: str = ""
    annotations: str = ""
    which_annotations: str = ""

    def __post_init__(self) -> None:
        if self.route not in ROUTES:
            raise ValueError(f"{self.name}: route is {' or '.join(ROUTES)}, not {self.route}.")


@cache
def ingresses() -> tuple[Ingress, ...]:
    """Return all of them, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(backend.read(path, Ingress) for path in backend.paths("ingress"))


def all_tables(listed: Iterable[Ingress], made: Mapping[Path, str] = NO_TABLES) -> dict[Path, str]:
    """Return each table as it should be, by its path; `made` has those of other records."""
    given = tuple(listed)
    macros = backend.macros(
        "ingress", "ingress_backend", backend.facts_of(given, FACTS), backend.texts_of(given, TEXTS)
    )
    question = PROJECT / "questions/access.yml"
    choices = {each.name: choice_of(each.name, each.choice) for each in given}
    return {
        PROJECT / "macros/ingress.jinja": macros,
        question: with_choices(text_of(question, made), "ingress_backend", choices),
    }
