"""Providers of public DNS, backends/dns/<name>.yaml, and the tables that follow from them.

A provider is one that both cert-manager and external-dns serve by themselves.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.render import PROJECT
from tests.tools.records.component_tables import MADE, in_order

RECORDS = PROJECT / "backends/dns"
CHOICES = re.compile(
    r"(?<=^dns_provider:\n)(?P<above>(?:  .*\n)*?  choices:\n)(?P<choices>(?:    .*\n)+)(?=    none - )", re.MULTILINE
)
# Texts of a record that are templates, each a macro.
TEXTS = ("account", "first_boot", "keys", "new_domain", "solver", "external_dns", "external_dns_arguments")


@dataclass(frozen=True)
class Question:
    """What else is asked when a provider is chosen.

    `like` is the regular expression that an answer fits whole, `refusal` follows an answer that does not, `rule` stands
    on the page of the questions. `good` and `bad` are answers for the tests.
    """

    help: str
    like: str
    refusal: str
    rule: str
    good: tuple[str, ...]
    bad: tuple[str, ...]


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
        return {"dns_provider": self.name, **{name: question.good[0] for name, question in self.questions.items()}}

    @property
    def key_names(self) -> list[str]:
        return [key["name"] for key in yaml.safe_load(self.keys)]


@cache
def providers() -> tuple[Provider, ...]:
    """Return all providers, by name; ValueError for a record that lacks a key or has one that is none."""
    return tuple(provider(path) for path in sorted(RECORDS.glob("*.yaml")))


def provider(path: Path) -> Provider:
    """Return what a record says."""
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    asked = values.pop("questions", {})
    known = {each.name for each in fields(Provider)} - {"name", "questions"}
    for name in sorted(values.keys() ^ known):
        raise ValueError(f"{path}: {name} is {'no key of a record' if name in values else 'missing'}.")
    return Provider(name=path.stem, questions={name: Question(**said) for name, said in asked.items()}, **values)


def all_tables(listed: Iterable[Provider]) -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    given = tuple(listed)
    question = PROJECT / "questions/access.yml"
    return {
        PROJECT / "macros/dns.jinja": macros(given),
        PROJECT / "macros/dns_rules.jinja": rules(given),
        PROJECT / "questions/dns.yml": questions(given),
        question: CHOICES.sub(lambda match: match["above"] + choices(given, match["choices"]), question.read_text()),
    }


def macros(listed: tuple[Provider, ...]) -> str:
    """Return what templates ask about a cluster's provider: `dns`, empty without one, and a macro for each text."""
    lines = [f"{{#- {MADE.format('backends/dns/*.yaml')} Import with context. -#}}", "{% set dns = {"]
    for each in listed:
        facts = {
            "title": each.title,
            "service": each.service,
            "forms": each.forms,
            "secret": each.secret,
            "key_names": each.key_names,
            "value": each.value_of_others,
        }
        lines.append(f"  {each.name!r}: dict({', '.join(f'{key}={value!r}' for key, value in facts.items())}),")
    lines.append("}.get(dns_provider, {}) %}")
    for text in TEXTS:
        lines += ["", f"{{% macro dns_{text}() %}}"]
        for number, each in enumerate(listed):
            lines.append(f"{{% {'elif' if number else 'if'} dns_provider == {each.name!r} %}}")
            lines += getattr(each, text).rstrip("\n").split("\n")
        lines += ["{% endif %}", "{% endmacro %}"]
    return "\n".join([*lines, ""])


def rules(listed: tuple[Provider, ...]) -> str:
    """Return the rules of the questions of all providers, each a macro."""
    lines = [f"{{#- {MADE.format('backends/dns/*.yaml')} -#}}", "{% from 'macros/names.jinja' import as_one_line %}"]
    for each in listed:
        for name, question in each.questions.items():
            lines += [
                f"\n{{% macro {name}_error(text) -%}}",
                f"  {{% if not text | string | regex_search({f'^({question.like})' + chr(92) + 'Z'!r}) %}}",
                f"    {{{{- as_one_line(text) }}}} {question.refusal}",
                "  {%- endif %}\n{%- endmacro %}",
            ]
    return "\n".join([*lines, ""])


def questions(listed: tuple[Provider, ...]) -> str:
    """Return what is asked when one of these providers is chosen; nobody but the person can know it."""
    found = []
    for each in listed:
        for name, question in each.questions.items():
            lines = question.help.rstrip("\n").split("\n")
            said = f" {lines[0]}" if len(lines) == 1 else "".join(f"\n    {line}" for line in ["|", *lines])
            said = said.replace("\n    |", " |", 1)
            rule = f"{{% from 'macros/dns_rules.jinja' import {name}_error %}}{{{{ {name}_error({name}) }}}}"
            default = f"'nothing, which dns_provider {each.name} needs,' if _copier_conf.defaults else UNSET"
            found.append(
                f"{name}:\n  type: str\n  help:{said}\n"
                f'  default: "{{{{ {default} }}}}"\n'
                f"  when: \"{{{{ generator == 'cluster' and dns_provider == '{each.name}' }}}}\"\n"
                f'  validator: "{rule}"\n'
            )
    return f"# What a provider of DNS has to be told.\n# {MADE.format('backends/dns/*.yaml')}\n\n" + "\n".join(found)


def choices(listed: tuple[Provider, ...], before: str) -> str:
    """Return the choices of the question `dns_provider` but for none, in the order that they have before."""
    rule = "{% from 'macros/names.jinja' import public_domain_error %}{{ public_domain_error(domain) }}"
    entries = {
        each.name: f'    {each.name} - {each.choice}:\n      value: {each.name}\n      validator: "{rule}"\n'
        for each in listed
    }
    return "".join(in_order(re.findall(r"^      value: (\S+)$", before, re.MULTILINE), entries))
