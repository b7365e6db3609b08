"""What else in the repository refers to an app: its registration, its files, its Services' addresses and its claims."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from talos_flux.apps.claims import claims_in, release_name
from talos_flux.errors import UserError
from talos_flux.repository.apps import App, Repository, name_of
from talos_flux.repository.kustomization_edits import resources, without_resource
from talos_flux.terminal import done

KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}


def registry(repository: Repository, namespace: str) -> Path:
    """Return the path of the kustomization.yaml that lists a namespace's apps."""
    return repository.folder_of_apps / namespace / "kustomization.yaml"


def registrations(repository: Repository, app: App) -> list[str]:
    """Return the entries of an app in its namespace's list."""
    path = registry(repository, app.namespace)
    listed = resources(path.read_text()) if path.exists() else []
    return [resource for resource in listed if leads_into(app.folder, path.parent / resource)]


def unregistered(repository: Repository, app: App) -> str:
    """Return the text of the namespace's list without an app."""
    text = registry(repository, app.namespace).read_text()
    for resource in registrations(repository, app):
        text = without_resource(text, resource)
    return text


def say_if_empty(repository: Repository, app: App) -> None:
    """Tell what happens to a namespace whose last app left; `repository` is as it was before that."""
    if all(other.namespace != app.namespace or other.folder == app.folder for other in repository.apps.values()):
        done(
            f"namespace {app.namespace} is empty and stays: Flux never deletes one. To delete it: remove "
            f"{repository.short(app.folder.parent)}, push, `kubectl delete namespace {app.namespace}`."
        )


def readers(repository: Repository, folder: Path) -> list[str]:
    """Return the files that refer to files in an app's folder from outside, its registration excepted."""
    reader_paths = []
    for path in sorted((repository.root / "kubernetes").rglob("*")):
        if path.name in KUSTOMIZATIONS and not path.is_relative_to(folder):
            for document in repository.documents(path):
                parts = dict(document or {})
                if path.parent == folder.parent:
                    parts.pop("resources", None)
                if any(leads_into(folder, path.parent / text) for text in texts(parts) if "\n" not in text):
                    reader_paths.append(repository.short(path))
    for path, spec in repository.kustomizations.values():
        if not path.is_relative_to(folder) and leads_into(folder, repository.root / str(spec.get("path", ""))):
            reader_paths.append(repository.short(path))
    return list(dict.fromkeys(reader_paths))


def refuse_while_read(repository: Repository, folder: Path) -> None:
    """Raise UserError while something outside of an app's folder refers to files in it."""
    if files := readers(repository, folder):
        raise UserError(f"{', '.join(files)} takes files out of {repository.short(folder)}: change that first.")


def service_names(repository: Repository, folder: Path) -> set[str]:
    """Return the names, or their prefixes, that the app in a folder gives its Services."""
    names = {folder.name}
    names |= {release_name(release) for _, release in repository.objects("HelmRelease", folder=folder)}
    names |= {name_of(service) for _, service in repository.objects("Service", folder=folder)}
    return names - {""}


def address_in(namespace: str, names: set[str]) -> re.Pattern[str]:
    """Return the pattern of a Service's address in a namespace; host names like films.media.example.com don't match."""
    any_name = "|".join(map(re.escape, sorted(names)))
    return re.compile(
        rf"(?<![\w.-])(?P<service>(?:{any_name})(?:-[a-z0-9-]+)?)\.{re.escape(namespace)}(?=\.svc\b|[^\w.$-]|$)",
        re.MULTILINE,
    )


def address_beside(names: set[str]) -> re.Pattern[str]:
    """Return the pattern of a Service's address without its namespace, as used within that."""
    any_name = "|".join(map(re.escape, sorted(names)))
    return re.compile(rf"//(?:{any_name})(?=[:/\"'\s]|$)|(?<![\w./-])(?:{any_name}):\d{{2,5}}\b", re.MULTILINE)


def matching_lines(
    repository: Repository, folder: Path, pattern: re.Pattern[str], *, outside: Path | None = None
) -> list[str]:
    """Return the lines below a folder that match a pattern, as file:line and the match."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not (outside and path.is_relative_to(outside)):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
                if match := pattern.search(line):
                    lines.append(f"{repository.short(path)}:{number} ({match[0]})")
    return lines


def addresses_of(repository: Repository, app: App) -> list[str]:
    """Return the lines in which others address an app's Services."""
    names = service_names(repository, app.folder)
    everywhere = matching_lines(
        repository, repository.root / "kubernetes", address_in(app.namespace, names), outside=app.folder
    )
    beside = matching_lines(repository, app.folder.parent, address_beside(names), outside=app.folder)
    return sorted({*everywhere, *beside})


def mounts_of(repository: Repository, app: App) -> list[str]:
    """Return the lines in which others mount the claims that an app makes, or record that they do."""
    claims = claims_in(repository, app.folder)
    names = "|".join(map(re.escape, claims.lost + claims.kept)) or "(?!)"
    mount = re.compile(rf"(?:existingClaim|claimName|claim): *[\"']?(?:{names})(?=[\"'\s,}}]|$)")
    return matching_lines(repository, app.folder.parent, mount, outside=app.folder)


def leads_into(folder: Path, path: Path) -> bool:
    """Return whether a path, in which .. may occur, is in a folder, or is that folder."""
    return Path(os.path.normpath(path)).is_relative_to(folder)


def texts(value: Any) -> Iterator[str]:
    """Yield the strings in an object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)
