"""The answers that are known before Copier asks: from the cluster, and from the user."""

import re
from collections.abc import Iterable, Mapping
from textwrap import shorten
from typing import Any

import yaml

from talos_flux.errors import UserError, did_you_mean
from talos_flux.paths import ANSWERS_FILE
from talos_flux.repository.apps import Repository
from talos_flux.repository.generators import Generator, generators
from talos_flux.template.generate.destination import Destination
from talos_flux.template.generate.template_source import TemplateCheckout

Answers = dict[str, Any]

# The answer for a namespace that is added with what is in it.
OF_A_NEW_NAMESPACE = "ns_pod_security"
# The answer in which numbers stay numbers, as charts may require.
CHART_VALUES = "app_values"
YES_OR_NO = {"y", "yes", "t", "true", "on", "1", "n", "no", "f", "false", "off", "0"}


class AsWritten(yaml.SafeLoader):
    """A loader that reads 1.10, 0644 and 2025-01-01 as the texts that they are in a tag or a variable."""


AsWritten.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag.rpartition(":")[2] not in ("float", "int", "timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
AsWritten.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))


def image_and_tag(image: str) -> tuple[str, str]:
    """Return an image without its tag, and the tag, which has the digest with it; the tag is empty where none is."""
    parts = re.fullmatch(r"([^@]*):([^/:@]+(?:@.*)?)", image.strip())
    return (parts[1], parts[2]) if parts else (image, "")


def with_the_tag_apart(data: Mapping[str, Any]) -> Answers:
    """Return the answers with app_image split into app_image and app_tag.

    UserError when app_tag is given and is another tag.
    """
    image, tag = image_and_tag(str(data.get("app_image")))
    if not tag:
        return dict(data)
    if data.get("app_tag", tag) != tag:
        raise UserError(f"app_tag is {data['app_tag']}, and app_image says {tag}: give one of them.")
    return {**data, "app_image": image, "app_tag": tag}


def of_the_cluster(repository: Repository) -> Answers:
    """Return the cluster's recorded answers; UserError when there are none."""
    path = repository.root / ANSWERS_FILE
    if not path.exists():
        raise UserError(f"{repository.root} has no {ANSWERS_FILE}: the cluster was not made by this template.")
    answers = repository.documents(path)[0]
    if not isinstance(answers, dict) or answers.get("generator", "cluster") != "cluster":
        raise UserError(f"{path} does not hold the answers of a cluster.")
    return answers


def from_destination(generator: Generator, destination: Destination) -> Answers:
    """Return the answers that the folder's path gives."""
    names = generator.parts_of_the_path
    return dict(zip(names, destination.folder.parts[-len(names) :], strict=True))


def taken_over(generator: Generator, cluster: Mapping[str, Any]) -> Answers:
    """Return the cluster's answers that a generator records as its own."""
    return {name: cluster[name] for name in generator.takes_over if name in cluster}


def looked_up(generator: Generator, template: TemplateCheckout, cluster: Mapping[str, Any]) -> Answers:
    """Return what else a generator knows of the cluster that it adds to, and does not record."""
    return {name: template.text(expression, cluster) for name, expression in generator.looks_up.items()}


def of_the_repository(repository: Repository) -> Answers:
    """Return sops_has_recipient, which is no answer and which a rule needs: whether SOPS knows for whom to encrypt."""
    path = repository.root / ".sops.yaml"
    rules = (repository.documents(path)[0] or {}).get("creation_rules") if path.exists() else None
    return {"sops_has_recipient": any(rule.get("age") for rule in rules or [])}


def refuse_what_is_no_users(
    generator: Generator, destination: Destination, template: TemplateCheckout, data: Mapping[str, Any]
) -> None:
    """Raise UserError when data answers an unknown question, or one that the user can't answer here."""
    fixed = from_destination(generator, destination)
    askable = {
        name
        for name, question in template.questions.items()
        if name.startswith(generator.prefix) and question.get("when") is not False and question.get("ask") is not False
    }
    if generator.is_in_a_namespace:
        askable.add(OF_A_NEW_NAMESPACE)
    of_the_cluster = {name for each in generators().values() for name in each.takes_over}
    for name, value in data.items():
        if name in fixed:
            if value != fixed[name]:
                raise UserError(f"{name} is {fixed[name]}, as the path {destination} says, not {value}.")
        elif name in of_the_cluster:
            raise UserError(f"{name} is an answer of the cluster, which its apps take over: it can't be given here.")
        elif name in template.questions and name not in askable:
            raise UserError(f"{name} is not asked of {generator.with_article}: it can't be given here.")
        elif name not in askable:
            hint = did_you_mean(name, askable)
            raise UserError(f"{name} is no question of {generator.with_article}{hint}")
        elif template.questions[name]["type"] == "bool" and str(value).lower() not in YES_OR_NO:
            raise UserError(f"{name} can't be {value}: it is true or false.")
        elif template.questions[name]["type"] == "yaml" and isinstance(value, str) and not is_yaml(value):
            raise UserError(f"{name} can't be {shorten(value, 80)}: it is not YAML.")
    if generator.is_in_a_namespace and OF_A_NEW_NAMESPACE in data and destination.has_namespace:
        raise UserError(f"{OF_A_NEW_NAMESPACE} is for a new namespace, and {destination.namespace} exists already.")


def is_yaml(text: str) -> bool:
    """Return whether an answer is YAML; Copier's error for one that is not lacks the question's name."""
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


def without_effect(generator: Generator, given: Iterable[str], recorded: Mapping[str, Any]) -> list[str]:
    """Return the given answers that nothing uses, because of the other answers."""
    return [name for name in given if name.startswith(generator.prefix) and name not in recorded]


def divided(data: Mapping[str, Any]) -> tuple[Answers, Answers]:
    """Return the answers for a new namespace, and those for what is in it."""
    of_namespace = {name: data[name] for name in (OF_A_NEW_NAMESPACE, "template_source") if name in data}
    return of_namespace, {name: value for name, value in data.items() if name != OF_A_NEW_NAMESPACE}


def from_file(text: str, name: str) -> Answers:
    """Return the answers of a data file; UserError when it is no mapping."""
    try:
        answers = yaml.load(text, AsWritten)  # noqa: S506, a safe loader
        if isinstance(answers, dict) and CHART_VALUES in answers:
            answers[CHART_VALUES] = yaml.safe_load(text)[CHART_VALUES]
    except yaml.YAMLError as error:
        raise UserError(f"{name} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(answers, dict):
        raise UserError(f"{name} is not a mapping of questions to answers.")
    return answers
