"""Where secrets are kept, backends/secrets/<name>.yaml, and the tables that follow from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.backend import Question
from tests.tools.records.made import (
    choice_of,
    is_answered,
    pin_question,
    scalar,
    text_of,
    with_choices,
    with_condition,
    with_question,
)

# Texts of a record that are templates, each a macro.
TEXTS = (
    "account", "first_boot", "settings", "talos", "zero", "provider", "tools", "renovate", "source", "item",
    "in_a_sentence", "in_the_readme", "where", "keeps", "keys_of_talos", "keys_of_talos_in_words", "keys_of_talos_made",
    "new_keys_of_talos", "set_a_value", "another_app", "does_not_appear", "change_the_keys", "cannot_be_read",
    "sign_in", "webhook_token", "restic_password",
)  # fmt: skip
FACTS = ("title", "client", "app_secrets", "store", "place", "by_property", "refresh", "forms")
IMPORTS = (
    "{% from 'macros/external_secrets.jinja' import external_secret_by_hand, external_secret_does_not_appear, "
    "read_an_external_secret_now %}",
    "{% from 'macros/yaml.jinja' import scalar, scalar_for_flux, shell_word %}",
)


@dataclass(frozen=True)
class Backend:
    """Where secrets are kept.

    `choice` is the text of its choice, `client` who reads and writes it for the tasks, a name of BACKENDS in
    src/talos_flux/secrets/store.py. `app_secrets` are the answers to app_secret that it serves; by the first, the apps
    of the template get their Secrets, and other apps that come from another backend. `store` is its ClusterSecretStore
    and `provider` what stands in it; without one, secrets are in the repository. `by_property` says whether a key of
    an item can be asked for alone, `refresh` how often an ExternalSecret is filled anew, where that is not each hour.
    `apps` are the components that serve it, `asks` questions that others ask as well, `pins` versions of its tools, as
    in tests/pins.yml, `programs` the names of these by which mise knows them, `commands` those in the pages that no
    test can have the program judge, as its documentation shows them.

    The others are texts of Jinja. `account` is what a person needs beforehand, `first_boot` what they do there. In
    bootstrap/secrets.yaml stand `settings`, which the client reads, `talos`, where the keys of Talos are, and `zero`,
    the Secrets by which the cluster reads everything else, with `forms` of their values.
    """

    name: str
    choice: str
    title: str
    client: str
    app_secrets: list[str]
    talos: str
    in_a_sentence: str
    in_the_readme: str
    where: str
    keeps: str
    keys_of_talos: str
    keys_of_talos_in_words: str
    keys_of_talos_made: str
    new_keys_of_talos: str
    set_a_value: str
    another_app: str
    does_not_appear: str
    cannot_be_read: str
    webhook_token: str
    restic_password: str
    apps: list[str] = field(default_factory=list)
    store: str = ""
    provider: str = ""
    by_property: bool = True
    refresh: str = ""
    place: str = ""
    account: str = ""
    first_boot: str = ""
    settings: str = ""
    zero: str = ""
    forms: dict[str, dict[str, str]] = field(default_factory=dict)
    asks: list[str] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)
    tools: str = ""
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    renovate: str = ""
    source: str = ""
    item: str = ""
    change_the_keys: str = ""
    sign_in: str = ""

    @property
    def answers(self) -> dict[str, str]:
        """Return answers that choose it, for the tests."""
        return backend.answers_of("secrets_backend", self)


@cache
def backends() -> tuple[Backend, ...]:
    """Return all backends, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(backend.read(path, Backend) for path in backend.paths("secrets"))


def conditions(given: Iterable[Backend], of: str) -> dict[str, str]:
    """Return when each thing that the records list by this key is there, by its name."""
    served: dict[str, list[str]] = {}
    for each in given:
        for name in getattr(each, of):
            served.setdefault(name, []).append(each.name)
    return {name: is_answered("secrets_backend", names) for name, names in served.items()}


def all_tables(given: Iterable[Backend], made: Mapping[Path, str]) -> dict[Path, str]:
    """Return each table as it should be, by its path; `made` has those of other records."""
    listed = tuple(given)
    asked = {each.name: each.questions for each in listed}
    component_questions, tools = PROJECT / "questions/components.yml", PROJECT / "questions/tool_pins.yml"
    return {
        PROJECT / "macros/secrets_backend.jinja": backend.macros(
            "secrets",
            "secrets_backend",
            backend.facts_of(listed, FACTS),
            backend.texts_of(listed, TEXTS),
            imports=IMPORTS,
        ),
        PROJECT / "macros/secrets_rules.jinja": rules(listed),
        PROJECT / "questions/secrets.yml": backend.questions(
            "secrets", "secrets_backend", "What a store of secrets has to be told.", asked
        ),
        component_questions: with_what_is_asked(text_of(component_questions, made), listed),
        tools: with_pins(text_of(tools, made), listed),
    }


def rules(given: tuple[Backend, ...]) -> str:
    """Return the rules of what is asked, and which backends serve each answer to app_secret."""
    serving: dict[str, list[str]] = {}
    for each in given:
        for kind in each.app_secrets:
            serving.setdefault(kind, []).append(each.name)
    of_questions = backend.rules("secrets", (pair for each in given for pair in each.questions.items()))
    return f"{of_questions}\n{{#- Who serves an answer to app_secret. -#}}\n{{% set backends_of = {serving} %}}\n"


def with_what_is_asked(text: str, given: tuple[Backend, ...]) -> str:
    """Return questions/components.yml with the choices, and with when what several of them ask is asked."""
    choices = {each.name: choice_of(each.name, each.choice) for each in given}
    text = with_choices(text, "secrets_backend", choices)
    for question, when in conditions(given, "asks").items():
        text = with_condition(text, question, f"(generator == 'cluster' or {question!r} in takes_over) and {when}")
    return text


def with_pins(text: str, given: tuple[Backend, ...]) -> str:
    """Return the questions of the tools' versions with those of the backends."""
    versions = {name: pin["version"] for each in given for name, pin in each.pins.items()}
    for name, when in conditions(given, "pins").items():
        text = with_question(text, name, pin_question(name, scalar(versions[name]), when))
    return text
