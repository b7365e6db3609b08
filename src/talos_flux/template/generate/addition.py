"""Add what a generator makes: check the destination, ask and render, check the answers, write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talos_flux.errors import UserError
from talos_flux.repository.generators import OF_NAMESPACES, Generator, generator_named
from talos_flux.repository.kustomization_edits import with_resource
from talos_flux.repository.transaction import FileTransaction
from talos_flux.template import own_components
from talos_flux.template.generate import app_charts, given_answers, next_steps, refusals
from talos_flux.template.generate.copying import Copy, answered, copy
from talos_flux.template.generate.destination import Destination
from talos_flux.template.generate.template_source import TemplateCheckout
from talos_flux.template.instances import without_metadata


@dataclass
class Addition:
    """The files to write, the template's version, and the messages about them."""

    destination: Destination
    version: str = ""
    files: dict[Path, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    to_add: list[Path] = field(default_factory=list)

    def take(self, folder: Path, made: Copy) -> None:
        """Add the files of a copy, to be written into a folder."""
        self.files |= {folder / path: content for path, content in made.files.items()}
        self.to_add.append(folder)
        self.version = str(made.answers["_commit"])


def add(
    template: TemplateCheckout, generator: str, path: Path, data: Mapping[str, Any], *, defaults: bool = False
) -> Addition:
    """Add what a generator makes, and return what was written.

    `data` answers questions by name; without `defaults`, the others are asked. When it is refused (UserError), fails
    or is interrupted, the repository is as it was.
    """
    addition = planned(template, generator_named(generator), path, data, defaults=defaults)
    write(addition)
    return addition


def write(addition: Addition) -> None:
    """Write what was planned, all of it or nothing."""
    with FileTransaction(addition.destination.repository.root) as change:
        for file, content in addition.files.items():
            change.write(file, content)


def planned(
    template: TemplateCheckout, generator: Generator, path: Path, data: Mapping[str, Any], *, defaults: bool
) -> Addition:
    """Return what a generator would write; arguments and UserError as in add."""
    destination = Destination.of(generator, path)
    cluster = given_answers.of_the_cluster(destination.repository)
    given_answers.refuse_what_is_no_users(generator, destination, template, data)
    data = given_answers.with_the_tag_apart(data)
    refusals.refuse_destination(generator, destination, template, template.catalogue(cluster))

    given = {**data, "template_source": template.address(str(cluster.get("_src_path", "")))}
    addition = Addition(destination)
    if generator.is_in_a_namespace:
        add_in_a_namespace(generator, addition, template, cluster, given, defaults=defaults)
    else:
        add_namespace(addition, template, given, defaults=defaults)
    addition.notes += next_steps.notes(template, addition.version, str(cluster.get("_commit", "")))
    return addition


def add_namespace(addition: Addition, template: TemplateCheckout, data: Mapping[str, Any], *, defaults: bool) -> str:
    """Add the files of a namespace; return its pod security level."""
    namespace = addition.destination.of_namespace
    generator = generator_named(OF_NAMESPACES)
    given = {**data, "generator": generator.name, **given_answers.from_destination(generator, namespace)}
    made = copy(template, given, defaults=defaults)
    addition.take(namespace.folder, made)
    addition.told += next_steps.told(generator, namespace, made.answers)
    return str(made.answers["ns_pod_security"])


def add_in_a_namespace(
    generator: Generator,
    addition: Addition,
    template: TemplateCheckout,
    cluster: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    defaults: bool,
) -> None:
    """Add the files of an app or the like, its registration, and its chart source and namespace where they are new."""
    destination, repository = addition.destination, addition.destination.repository
    of_namespace, own = given_answers.divided(data)
    known = {
        **given_answers.taken_over(generator, cluster),
        **given_answers.looked_up(generator, template, cluster),
        **given_answers.of_the_repository(repository),
        **given_answers.from_destination(generator, destination),
    }
    given = {**own, **known, "generator": generator.name}
    if generator.reads:
        given |= read_from_its_folder(generator, destination, template, cluster, given, defaults=defaults)
        of_namespace = {given_answers.OF_A_NEW_NAMESPACE: given[generator.record]["pod_security"], **of_namespace}
    made = copy(template, given, defaults=defaults)
    if destination.has_namespace:
        level = repository.pod_security(destination.namespace)
    else:
        level = add_namespace(addition, template, of_namespace, defaults=True)
    refusals.refuse_answers(repository, template, cluster, made.answers)
    refusals.refuse_unknown_dependencies(repository, depended_on(made))
    refusals.refuse_what_pod_security_forbids(destination.namespace, level, made.answers)
    if generator.reads:
        refusals.refuse_a_stricter_namespace(destination, level, made.answers[generator.record])

    source = app_charts.source_of(repository, template, cluster, made.answers, generator)
    if source and made.answers.get("app_chart_source", source.name) != source.name:
        made = copy(template, {**given, **recorded(made), "app_chart_source": source.name}, defaults=True)
    addition.notes += [
        f"{name} has no effect with the other answers."
        for name in given_answers.without_effect(generator, own, made.answers)
    ]
    addition.take(destination.folder, made)
    register(addition)
    addition.told += next_steps.told(generator, destination, made.answers)
    if source and not source.exists_in(repository):
        path = app_charts.path_of(repository, source.name)
        addition.files[path] = source.rendered(template).encode()
        addition.to_add.append(path)
        addition.told.append(f"Its chart comes from {source.name}, a new source in {repository.short(path)}.")
    elif source and made.answers.get("app_kind") == "chart":
        addition.told.append(f"Its chart comes from {source.name}, a source that was there.")
    addition.told += next_steps.secret_to_make(destination.namespace, destination.app, made.answers)


def read_from_its_folder(
    generator: Generator,
    destination: Destination,
    template: TemplateCheckout,
    cluster: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    defaults: bool,
) -> dict[str, Any]:
    """Return the answers that name the folder of a component of the user's own, and record what it says."""
    address = answered(template, data, defaults=defaults)[generator.reads]
    recorded = without_metadata(cluster)
    record = own_components.read(address, destination.repository.root, template.renderer, recorded, {})
    if (name := own_components.name_of(address)) != destination.folder.name:
        raise UserError(f"{destination} is not named {name}, as the folder {address}: its manifests use that name.")
    return {generator.reads: address, generator.record: record}


def register(addition: Addition) -> None:
    """Add it to the namespace's kustomization.yaml, which may itself be new."""
    destination = addition.destination
    path = destination.folder_of_namespace / "kustomization.yaml"
    is_new = path in addition.files
    text = addition.files[path].decode() if is_new else path.read_bytes().decode()
    try:
        addition.files[path] = with_resource(text, f"./{destination.app}/ks.yaml").encode()
    except UserError as refusal:
        raise UserError(f"{destination.repository.short(path)}: {refusal}") from None
    if not is_new:
        addition.to_add.append(path)


def depended_on(made: Copy) -> list[str]:
    """Return the names in its dependsOn, including those that follow from its answers."""
    return [str(entry["name"]) for entry in made.documents("ks.yaml")[0]["spec"].get("dependsOn") or []]


def recorded(made: Copy) -> dict[str, Any]:
    """Return the answers of a copy, to use them again."""
    return {name: value for name, value in made.answers.items() if not name.startswith("_")}
