"""What else in the repository refers to an app: files that its own are part of, names under which others reach it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lib.apps import App, Repository, name_of
from lib.claims import claims_in, release_name
from lib.kustomization import resources, without_resource
from lib.refusal import Refusal
from lib.terminal import done

KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}


def registry(repository: Repository, namespace: str) -> Path:
    """The file that lists a namespace's apps."""
    return repository.folder_of_apps / namespace / "kustomization.yaml"


def registrations(repository: Repository, app: App) -> list[str]:
    """What its namespace lists of an app."""
    path = registry(repository, app.namespace)
    listed = resources(path.read_text()) if path.exists() else []
    return [resource for resource in listed if leads_into(app.folder, path.parent / resource)]


def unregistered(repository: Repository, app: App) -> str:
    """The namespace's list without an app."""
    text = registry(repository, app.namespace).read_text()
    for resource in registrations(repository, app):
        text = without_resource(text, resource)
    return text


def say_if_empty(repository: Repository, app: App) -> None:
    """Tell what becomes of a namespace whose last app left; `repository` is that of before."""
    if all(other.namespace != app.namespace or other.folder == app.folder for other in repository.apps.values()):
        done(
            f"namespace {app.namespace} is empty and stays: Flux never deletes one. To delete it: remove "
            f"{repository.short(app.folder.parent)}, push, `kubectl delete namespace {app.namespace}`."
        )


def readers(repository: Repository, folder: Path) -> list[str]:
    """What takes files out of an app's folder from outside, its registration apart."""
    found = []
    for path in sorted((repository.root / "kubernetes").rglob("*")):
        if path.name in KUSTOMIZATIONS and not path.is_relative_to(folder):
            for document in repository.documents(path):
                parts = dict(document or {})
                if path.parent == folder.parent:
                    parts.pop("resources", None)
                if any(leads_into(folder, path.parent / text) for text in texts(parts) if "\n" not in text):
                    found.append(repository.short(path))
    for path, spec in repository.kustomizations.values():
        if not path.is_relative_to(folder) and leads_into(folder, repository.root / str(spec.get("path", ""))):
            found.append(repository.short(path))
    return list(dict.fromkeys(found))


def refuse_while_read(repository: Repository, folder: Path) -> None:
    """Refusal while something outside of an app's folder takes files out of it."""
    if files := readers(repository, folder):
        raise Refusal(f"{', '.join(files)} takes files out of {repository.short(folder)}: change that first.")


def service_names(repository: Repository, folder: Path) -> set[str]:
    """The names that the app in a folder gives its Services, or the start of them."""
    names = {folder.name}
    names |= {release_name(release) for _, release in repository.objects("HelmRelease", folder=folder)}
    names |= {name_of(service) for _, service in repository.objects("Service", folder=folder)}
    return names - {""}


def address_in(namespace: str, names: set[str]) -> re.Pattern[str]:
    """The address of a Service in a namespace; a host name like films.media.example.com is none."""
    any_name = "|".join(map(re.escape, sorted(names)))
    return re.compile(
        rf"(?<![\w.-])(?P<service>(?:{any_name})(?:-[a-z0-9-]+)?)\.{re.escape(namespace)}(?=\.svc\b|[^\w.$-]|$)",
        re.MULTILINE,
    )


def address_beside(names: set[str]) -> re.Pattern[str]:
    """The address of a Service as it is written in its own namespace."""
    any_name = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"//(?:{any_name})(?=[:/\"'\s]|$)|(?<![\w./-])(?:{any_name}):\d{{2,5}}\b", re.MULTILINE)


def places(repository: Repository, folder: Path, pattern: re.Pattern[str], *, outside: Path | None = None) -> list[str]:
    """The lines below a folder that a pattern is found in, as file:line and what is found there."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not (outside and path.is_relative_to(outside)):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
                if match := pattern.search(line):
                    found.append(f"{repository.short(path)}:{number} ({match[0]})")
    return found


def addresses_of(repository: Repository, app: App) -> list[str]:
    """Where others reach an app's Services."""
    names = service_names(repository, app.folder)
    everywhere = places(
        repository, repository.root / "kubernetes", address_in(app.namespace, names), outside=app.folder
    )
    beside = places(repository, app.folder.parent, address_beside(names), outside=app.folder)
    return sorted({*everywhere, *beside})


def mounts_of(repository: Repository, app: App) -> list[str]:
    """Where others mount the claims that an app makes, or answered that they do."""
    claims = claims_in(repository, app.folder)
    names = "|".join(map(re.escape, claims.lost + claims.kept)) or "(?!)"
    mount = re.compile(rf"(?:existingClaim|claimName|claim): *[\"']?(?:{names})(?=[\"'\s,}}]|$)")
    return places(repository, app.folder.parent, mount, outside=app.folder)


def leads_into(folder: Path, path: Path) -> bool:
    """Whether a path that may go up again lies in a folder, or is it."""
    return Path(os.path.normpath(path)).is_relative_to(folder)


def texts(value: Any) -> Iterator[str]:
    """The strings in an object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)
