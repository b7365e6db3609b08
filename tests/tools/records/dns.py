"""Providers of public DNS, backends/dns/<name>.yaml, and the tables that follow from them.

A provider is one that both cert-manager and external-dns serve by themselves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.render import PROJECT
from tests.tools.records import backend
from tests.tools.records.backend import Question
from tests.tools.records.made import NO_TABLES, key_names, text_of, with_choices

# Texts of a record that are templates, each a macro.
TEXTS = ("account", "first_boot", "keys", "new_domain", "solver", "external_dns", "external_dns_arguments")


@dataclass(frozen=True)
class Provider:
    """A provider of DNS.

    `choice` is the text of its choice, `title` where a zone is, `service` what serves it. `secret` is the Secret, and
    the 1Password item, that cert-manager and external-dns read; `keys` its entry in bootstrap/secrets.yaml, `forms`
    what its values have to look like, and `value_of_others` what is in it, in words. `account` is what a person needs
    beforehand, `first_boot` what they make there, `new_domain` what lets the cluster into a new zone. `solver` stands
    below dns01 in cert-manager's issuer, `external_dns` in the values of the chart, `external_dns_arguments` below its
    extraArgs. All of these are texts of Jinja.
    """

    name: str
    choice: str
    title: str
    service: str
    secret: str
    value_of_others: str
    account: str
    first_boot: str
    keys: str
    new_domain: str
    solver: str
    external_dns: str
    external_dns_arguments: str
    forms: dict[str, str]
    questions: dict[str, Question] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, str]:
        """Return answers that choose it, for the tests."""
        return backend.answers_of("dns_provider", self)

    @property
    def key_names(self) -> list[str]:
        return key_names(self.keys)


@cache
def providers() -> tuple[Provider, ...]:
    """Return all providers, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(backend.read(path, Provider) for path in backend.paths("dns"))


def all_tables(listed: Iterable[Provider], made: Mapping[Path, str] = NO_TABLES) -> dict[Path, str]:
    """Return each table as it should be, by its path; `made` has those of other records."""
    given = tuple(listed)
    facts = {
        each.name: {
            "title": each.title,
            "service": each.service,
            "forms": each.forms,
            "secret": each.secret,
            "key_names": each.key_names,
            "value": each.value_of_others,
        }
        for each in given
    }
    texts = backend.texts_of(given, TEXTS)
    asked = {each.name: each.questions for each in given}
    title = "What a provider of DNS has to be told."
    rules = [pair for each in given for pair in each.questions.items()]
    question = PROJECT / "questions/access.yml"
    choices = with_choices(
        text_of(question, made),
        "dns_provider",
        {each.name: choice(each) for each in given},
        others=["none"],
    )
    return {
        PROJECT / "macros/dns.jinja": backend.macros("dns", "dns_provider", facts, texts),
        PROJECT / "macros/dns_rules.jinja": backend.rules("dns", rules),
        PROJECT / "questions/dns.yml": backend.questions("dns", "dns_provider", title, asked),
        question: choices,
    }


def choice(provider: Provider) -> str:
    """Return the choice of a provider, which needs a domain that the internet knows."""
    rule = "{% from 'macros/names.jinja' import public_domain_error %}{{ public_domain_error(domain) }}"
    return f'    {provider.name} - {provider.choice}:\n      value: {provider.name}\n      validator: "{rule}"\n'
