"""What removing an app deletes besides its folder, and what prevents it."""

from collections.abc import Iterator
from pathlib import Path

from talos_flux.apps.claims import claims_in
from talos_flux.apps.managed import is_managed
from talos_flux.apps.references import refuse_while_read
from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.process import run
from talos_flux.repository.apps import App, ChartSource, Repository, references
from talos_flux.secrets import items

SHOWN = 3


def refuse_while_needed(repository: Repository, app: App) -> None:
    """Raise UserError when something else depends on the app, or on its files."""
    inside = {name for name, (path, _) in repository.kustomizations.items() if path.is_relative_to(app.folder)}
    needing = {other for name in inside for other in repository.dependants(name)} - inside
    if needing:
        named = ", ".join(sorted(str(repository.apps.get(name, name)) for name in needing))
        raise UserError(f"{app} is needed by {named}: take it out of dependsOn there, or remove that first.")
    refuse_while_read(repository, app.folder)


def unshared_sources(repository: Repository, app: App) -> Iterator[ChartSource]:
    """Yield the chart sources that only this app uses.

    Those that the template makes are kept, since they would come back.
    """
    releases = [release for _, release in repository.objects("HelmRelease", folder=app.folder)]
    used = {(ref.get("kind"), ref.get("name")) for release in releases for ref in references(release)}
    own = {
        (source["kind"], source["metadata"]["name"])
        for _, source in repository.objects("OCIRepository", "HelmRepository", folder=app.folder)
    }
    for source in repository.chart_sources.values():
        if (source.kind, source.name) in used - own and not is_managed(source):
            sharing = [other for other in repository.chart_sources.values() if other.path == source.path]
            users = [path for other in sharing for path in repository.users_of(other)]
            if all(path.is_relative_to(app.folder) for path in users):
                yield source


def items_of(repository: Repository, app: App) -> list[str]:
    """Return the items of a store that the app's Secrets are made of."""
    manifests = repository.objects("OnePasswordItem", "ExternalSecret", folder=app.folder)
    return list(dict.fromkeys(item for _, manifest in manifests for item in items.read_by(manifest)))


def only_here(folder: Path) -> list[str]:
    """Return the files of a folder with content that is not committed."""
    if not (ROOT / ".git").exists():
        return ["anything, because there is no Git repository"]
    listed = run("git", "status", "--porcelain", "--ignored", "--untracked-files=all", "-z", "--", folder)
    return [entry[3:].rpartition("/")[2] for entry in listed.split("\0") if entry]


def losses(repository: Repository, app: App) -> str:
    """Return in words what removing the app loses."""
    claims = claims_in(repository, app.folder).in_words(app.namespace)
    files = only_here(app.folder)
    if not files:
        return claims
    named = ", ".join(files) if len(files) <= SHOWN else f"{len(files)} files"
    return f"{claims} Not committed, so Git can't bring back: {named}."
