"""Adding a namespace or an app: check the place, let Copier ask and render, check the answers, write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lib.kustomization import with_resource
from lib.refusal import Refusal

from hooks import answers, charts, checks, report
from hooks.copying import Copy, copy
from hooks.place import Place
from hooks.template import Template
from hooks.writing import write_all


@dataclass
class Addition:
    """What is going to be written, by which version of the template, and what to tell about it."""

    place: Place
    version: str = ""
    files: dict[Path, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    to_add: list[Path] = field(default_factory=list)

    def take(self, folder: Path, made: Copy) -> None:
        """A copy goes into a folder."""
        self.files |= {folder / path: content for path, content in made.files.items()}
        self.to_add.append(folder)
        self.version = str(made.answers["_commit"])


def add(
    template: Template, generator: str, destination: Path, data: Mapping[str, Any], *, defaults: bool = False
) -> Addition:
    """Add a namespace or an app, and return what was written.

    `data` answers questions by name; without `defaults`, Copier asks the others. When it is refused (Refusal), fails or
    is interrupted, the repository is as it was.
    """
    place = Place.of(generator, destination)
    cluster = answers.of_the_cluster(place.repository)
    answers.refuse_what_is_no_users(generator, place, template, data)
    data = answers.with_the_tag_apart(data)
    checks.refuse_place(generator, place, template, template.catalogue(cluster))

    given = {**data, "template_source": template.address(str(cluster.get("_src_path", "")))}
    addition = Addition(place)
    if generator == "namespace":
        add_namespace(addition, template, given, defaults=defaults)
    else:
        add_app(addition, template, cluster, given, defaults=defaults)
    addition.notes += report.notes(template, addition.version, str(cluster.get("_commit", "")))
    write_all(addition.files)
    return addition


def add_namespace(addition: Addition, template: Template, data: Mapping[str, Any], *, defaults: bool) -> str:
    """The files of a namespace; returns its pod security."""
    place = addition.place
    given = {**data, "generator": "namespace", **answers.by_the_place("namespace", place)}
    made = copy(template, given, defaults=defaults)
    addition.take(place.folder_of_namespace, made)
    level = str(made.answers["ns_pod_security"])
    addition.told.append(f"Namespace {place.namespace} is new, with pod security {level}.")
    return level


def add_app(
    addition: Addition, template: Template, cluster: Mapping[str, Any], data: Mapping[str, Any], *, defaults: bool
) -> None:
    """The files of an app, its registration and its chart source, and of its namespace where that is missing."""
    place, repository = addition.place, addition.place.repository
    of_namespace, of_app = answers.divided(data)
    known = {
        **answers.taken_over(cluster),
        **answers.of_the_repository(repository),
        **answers.by_the_place("app", place),
    }
    given = {**of_app, **known, "generator": "app"}
    made = copy(template, given, defaults=defaults)
    if place.has_namespace:
        level = repository.pod_security(place.namespace)
    else:
        level = add_namespace(addition, template, of_namespace, defaults=True)
    checks.refuse_answers(repository, template, cluster, made.answers)
    checks.refuse_unknown_dependencies(repository, depended_on(made))
    checks.refuse_what_pod_security_forbids(place.namespace, level, made.answers)

    source = charts.source_of(repository, template, cluster, made.answers)
    if source and made.answers.get("app_chart_source", source.name) != source.name:
        made = copy(template, {**given, **recorded(made), "app_chart_source": source.name}, defaults=True)
    addition.notes += [
        f"{name} has no effect with the other answers." for name in answers.without_effect(of_app, made.answers)
    ]
    addition.take(place.folder, made)
    register(addition)
    addition.told.append(f"App {place.namespace}/{place.app} is new in {place}, and listed in its namespace.")
    if source and not source.exists_in(repository):
        path = charts.path_of(repository, source.name)
        addition.files[path] = source.rendered(template).encode()
        addition.to_add.append(path)
        addition.told.append(f"Its chart comes from {source.name}, a new source in {repository.short(path)}.")
    elif source and made.answers["app_kind"] == "chart":
        addition.told.append(f"Its chart comes from {source.name}, a source that was there.")
    addition.told += report.secret_to_make(place, made.answers)


def register(addition: Addition) -> None:
    """The line in the namespace's kustomization.yaml, which may be about to be written."""
    place = addition.place
    path = place.folder_of_namespace / "kustomization.yaml"
    is_new = path in addition.files
    text = addition.files[path].decode() if is_new else path.read_bytes().decode()
    try:
        addition.files[path] = with_resource(text, f"./{place.app}/ks.yaml").encode()
    except Refusal as refusal:
        raise Refusal(f"{place.repository.short(path)}: {refusal}") from None
    if not is_new:
        addition.to_add.append(path)


def depended_on(made: Copy) -> list[str]:
    """What the app waits for, with what its answers need."""
    return [str(entry["name"]) for entry in made.documents("ks.yaml")[0]["spec"].get("dependsOn") or []]


def recorded(made: Copy) -> dict[str, Any]:
    """The answers of a copy, to give them again."""
    return {name: value for name, value in made.answers.items() if not name.startswith("_")}
