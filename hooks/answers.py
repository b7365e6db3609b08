"""What is answered before Copier asks: what the cluster says, what its user gives."""

import re
from collections.abc import Iterable, Mapping
from textwrap import shorten
from typing import Any

import yaml
from lib.apps import Repository
from lib.refusal import Refusal

from hooks.hint import did_you_mean
from hooks.place import Place, with_article
from hooks.template import Template

Answers = dict[str, Any]

PREFIX = {"namespace": "ns_", "app": "app_"}
# For the namespace that an app brings along.
OF_A_NEW_NAMESPACE = "ns_pod_security"
# Whose numbers are numbers: a chart may ask for them.
CHART_VALUES = "app_values"
YES_OR_NO = {"y", "yes", "t", "true", "on", "1", "n", "no", "f", "false", "off", "0"}
TAKEN_OVER = ("ingress_backend", "external_access", "secrets_backend", "onepassword_vault", "storage", "backups")


class AsWritten(yaml.SafeLoader):
    """Reads 1.10, 0644 and 2025-01-01 as the texts that they are in a tag or a variable."""


AsWritten.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag.rpartition(":")[2] not in ("float", "int", "timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
AsWritten.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))


def with_the_tag_apart(data: Mapping[str, Any]) -> Answers:
    """The answers with app_image as two, where it is given as one pastes it; Refusal when app_tag says another tag."""
    parts = re.fullmatch(r"([^@]*):([^/:@]+(?:@.*)?)", str(data.get("app_image")))
    if not parts:
        return dict(data)
    image, tag = parts.groups()
    if data.get("app_tag", tag) != tag:
        raise Refusal(f"app_tag is {data['app_tag']}, and app_image says {tag}: give one of them.")
    return {**data, "app_image": image, "app_tag": tag}


def of_the_cluster(repository: Repository) -> Answers:
    """The answers that created the cluster; Refusal when they are not recorded."""
    path = repository.root / ".copier-answers.yml"
    if not path.exists():
        raise Refusal(f"{repository.root} has no .copier-answers.yml: the cluster was not made by this template.")
    answers = repository.documents(path)[0]
    if not isinstance(answers, dict) or answers.get("generator", "cluster") != "cluster":
        raise Refusal(f"{path} does not hold the answers of a cluster.")
    return answers


def by_the_place(generator: str, place: Place) -> Answers:
    """The answers that the folder's path gives."""
    if generator == "namespace":
        return {"ns_name": place.namespace}
    return {"app_name": place.app, "app_namespace": place.namespace}


def taken_over(cluster: Mapping[str, Any]) -> Answers:
    """The cluster's answers that an app records as its own."""
    return {name: cluster[name] for name in TAKEN_OVER if name in cluster}


def of_the_repository(repository: Repository) -> Answers:
    """What no answer says and a rule asks for: whether SOPS knows for whom to encrypt."""
    path = repository.root / ".sops.yaml"
    rules = (repository.documents(path)[0] or {}).get("creation_rules") if path.exists() else None
    return {"sops_has_recipient": any(rule.get("age") for rule in rules or [])}


def refuse_what_is_no_users(generator: str, place: Place, template: Template, data: Mapping[str, Any]) -> None:
    """Refusal when data answers what is no question of the generator, or what its user has no say in."""
    given_by_place = by_the_place(generator, place)
    askable = {
        name
        for name, question in template.questions.items()
        if name.startswith(PREFIX[generator]) and question.get("when") is not False and name != "app_chart_source"
    }
    if generator == "app":
        askable.add(OF_A_NEW_NAMESPACE)
    for name, value in data.items():
        if name in given_by_place:
            if value != given_by_place[name]:
                raise Refusal(f"{name} is {given_by_place[name]}, as the path {place} says, not {value}.")
        elif name in TAKEN_OVER:
            raise Refusal(f"{name} is an answer of the cluster, which its apps take over: it can't be given here.")
        elif name in template.questions and name not in askable:
            raise Refusal(f"{name} is not asked of {with_article(generator)}: it can't be given here.")
        elif name not in askable:
            hint = did_you_mean(name, askable - given_by_place.keys())
            raise Refusal(f"{name} is no question of {with_article(generator)}{hint}")
        elif template.questions[name]["type"] == "bool" and str(value).lower() not in YES_OR_NO:
            raise Refusal(f"{name} can't be {value}: it is true or false.")
        elif template.questions[name]["type"] == "yaml" and isinstance(value, str) and not is_yaml(value):
            raise Refusal(f"{name} can't be {shorten(value, 80)}: it is not YAML.")
    if generator == "app" and OF_A_NEW_NAMESPACE in data and place.has_namespace:
        raise Refusal(f"{OF_A_NEW_NAMESPACE} is for a new namespace, and {place.namespace} exists already.")


def is_yaml(text: str) -> bool:
    """Whether Copier can read an answer, which it refuses without a name otherwise."""
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


def without_effect(given: Iterable[str], recorded: Mapping[str, Any]) -> list[str]:
    """Those of the given answers that nothing asks for, as the other answers are."""
    return [name for name in given if name.startswith(tuple(PREFIX.values())) and name not in recorded]


def divided(data: Mapping[str, Any]) -> tuple[Answers, Answers]:
    """What is given for an app: of that, what its new namespace gets, and what it gets itself."""
    of_namespace = {name: data[name] for name in (OF_A_NEW_NAMESPACE, "template_source") if name in data}
    return of_namespace, {name: value for name, value in data.items() if name != OF_A_NEW_NAMESPACE}


def from_file(text: str, name: str) -> Answers:
    """The answers of a data file; Refusal when it is no mapping."""
    try:
        answers = yaml.load(text, AsWritten)  # noqa: S506, a safe loader
        if isinstance(answers, dict) and CHART_VALUES in answers:
            answers[CHART_VALUES] = yaml.safe_load(text)[CHART_VALUES]
    except yaml.YAMLError as error:
        raise Refusal(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(answers, dict):
        raise Refusal(f"{name} is not a mapping of questions to answers.")
    return answers
