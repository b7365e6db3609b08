"""Git hosts, backends/git/<name>.yaml, and the tables that follow from them.

A host is an answer of two questions: who calls Flux at a push, webhook_provider, and where pull requests are checked,
ci; and it is what the address of the repository is recognised as.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.made import MADE, choice_of, in_order, is_answered, pin_question, pins_of, scalar, with_choices

TEMPLATE = PROJECT / "template"
CONDITION = re.compile(r"\{%.*?%\}")
# What templates ask about CI: facts, and texts of Jinja.
FACTS = ("request", "check", "actions", "comment")
TEXTS = ("upgrade", "renovate")
# How a host calls Flux that is none of these.
OTHER = "generic-hmac"
PINS = PROJECT / "questions/ci_pins.yml"
QUESTIONS = PROJECT / "questions/git.yml"


@dataclass(frozen=True)
class Webhook:
    """How a host calls Flux.

    `choice` is the text of its choice, `type` and `events` are those of the Receiver. `setup` says what to enter there,
    up to the value of the secret. `headers` are those of a push that the host sends, for the tests: {hmac} is the hex
    HMAC-SHA256 of the body, {token} the secret itself.
    """

    choice: str
    type: str
    setup: str
    headers: dict[str, str]
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checks:
    """What a host runs for this repository; its files are those below a name with the condition ci == '<name>'.

    `choice` is the text of its choice, `request` what it calls a pull request, `check` the name of the check that
    fails where an update needs care, `actions` the name of the group of what Renovate's manager github-actions finds in
    the files. `comment` is what the diff's comment needs, `upgrade` how the update of the template runs there,
    `renovate` how Renovate does: texts of Jinja for the runbooks. `pins` are pins of other records that the files have
    as well, `judges` commands that say what is wrong with the files that they are given, for the tests.
    """

    choice: str
    request: str
    check: str
    upgrade: str
    actions: str = ""
    comment: str = ""
    renovate: str = ""
    pins: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Host:
    """A Git host.

    `hosts` has the public keys of each address by which it is recognised, as the host publishes them; `defaults` are
    answers that follow from such an address, where they are not the host itself. `deploy_key` is where a deploy key is
    added, `renovate` how Renovate is let in. `pins` are as in tests/pins.yml, with the digest of an image or the
    commit of an action.
    """

    name: str
    title: str
    hosts: dict[str, list[str]] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    deploy_key: str = ""
    renovate: str = ""
    webhook: Webhook | None = None
    ci: Checks | None = None
    pins: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """Return the files of its CI, by their paths in a cluster."""
        return {CONDITION.sub("", str(path.relative_to(TEMPLATE))).removesuffix(".jinja") for path in self._files}

    @property
    def _files(self) -> list[Path]:
        found = TEMPLATE.glob(f"{{% if ci == '{self.name}' %}}*")
        return [path for each in found for path in [each, *each.rglob("*")] if path.is_file()]

    @property
    def answers(self) -> dict[str, str]:
        """Return what the questions default to where an address is one of its hosts."""
        own = {"webhook_provider": self.name if self.webhook else OTHER, "ci": self.name if self.ci else "none"}
        return {**own, **self.defaults}


@cache
def hosts() -> tuple[Host, ...]:
    """Return all hosts, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(read(path) for path in backend.paths("git"))


def read(path: Path) -> Host:
    """Return the host of a record; ValueError for a key that is missing, or that is none."""
    return backend.read(path, Host, webhook=Webhook, ci=Checks)


def webhooks() -> dict[str, Webhook]:
    """Return how each host that calls Flux does, by name."""
    return {each.name: each.webhook for each in hosts() if each.webhook}


def pipelines() -> dict[str, Checks]:
    """Return what each host that checks pull requests runs, by name."""
    return {each.name: each.ci for each in hosts() if each.ci}


def all_tables(listed: Iterable[Host]) -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    given = tuple(listed)
    calling = {each.name: each.webhook for each in given if each.webhook}
    checking = {each.name: each.ci for each in given if each.ci}
    choices = {
        "webhook_provider": {name: choice(name, each) for name, each in calling.items()},
        "ci": {name: choice_of(name, each.choice) for name, each in checking.items()},
    }
    questions = QUESTIONS.read_text()
    for question, entries in choices.items():
        questions = with_choices(questions, question, entries, others=["none"])
    calls = {name: {"type": each.type, "events": list(each.events)} for name, each in calling.items()}
    setup = {"setup": {name: each.setup for name, each in calling.items()}}
    checks = {name: {fact: getattr(each, fact) for fact in FACTS} for name, each in checking.items()}
    texts = {text: {name: said for name, each in checking.items() if (said := getattr(each, text))} for text in TEXTS}
    return {
        PROJECT / "macros/git_host.jinja": addresses(given),
        PROJECT / "macros/git_webhook.jinja": backend.macros(
            "git", "webhook_provider", calls, setup, name="git_webhook"
        ),
        PROJECT / "macros/git_ci.jinja": backend.macros("git", "ci", checks, texts, name="git_ci"),
        QUESTIONS: questions,
        PINS: pins(given, PINS.read_text()),
    }


def addresses(given: tuple[Host, ...]) -> str:
    """Return what is known of the host that the address of the repository names."""
    facts = {
        name: {"keys": keys, "renovate": each.renovate, **each.answers}
        for each in given
        for name, keys in each.hosts.items()
    }
    places = "; ".join(f"on {each.title}: {each.deploy_key}" for each in given if each.deploy_key)
    said = backend.macros("git", "repository_host", facts, {}, name="git_host")
    return f"{said}{{% set places_of_deploy_keys = {places!r} %}}\n"


def choice(name: str, webhook: Webhook) -> str:
    """Return the choice of a host that calls Flux, which it can't where nothing is reachable from outside."""
    rule = f"{{{{ '{name} can not reach a cluster without external_access' if external_access == 'none' }}}}"
    return f'    {name} - {webhook.choice}:\n      value: {name}\n      validator: "{rule}"\n'


def pins(given: tuple[Host, ...], before: str) -> str:
    """Return the questions that record the versions of what CI runs with, in the order that they have before."""
    users: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for each in given:
        texts |= {name: pinned(pin) for name, pin in each.pins.items()}
        for name in (*each.pins, *(each.ci.pins if each.ci else ())):
            users.setdefault(name, []).append(each.name)
    questions = {name: pin_question(name, text, is_answered("ci", users[name])) for name, text in texts.items()}
    made = MADE.format("backends/git/*.yaml")
    return f"# What CI runs with.\n# {made}\n\n" + "\n".join(in_order(pins_of(before), questions))


def pinned(pin: Mapping[str, Any]) -> str:
    """Return a version as it stands in a file: an image with its digest, an action by the commit of its version."""
    if commit := pin.get("commit"):
        return json.dumps(f"{commit} # {pin['version']}")
    digest = pin.get("digest")
    return f"{pin['version']}@{digest}" if digest else scalar(pin["version"])
