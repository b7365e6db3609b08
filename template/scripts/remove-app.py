#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Take an app out of the repository: its folder, its registration, and its chart source if nothing else uses it."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from lib.apps import App, ChartSource, Repository, references
from lib.change import Change
from lib.claims import claims_in
from lib.core import is_core, refuse_if_core
from lib.process import ROOT, run
from lib.references import (
    addresses_of,
    mounts_of,
    refuse_while_read,
    registrations,
    registry,
    say_if_empty,
    unregistered,
)
from lib.terminal import Refusal, command, confirm, done, warn

SHOWN = 3


def refuse_while_needed(repository: Repository, app: App) -> None:
    """Refusal when something else depends on the app, or on its files."""
    inside = {name for name, (path, _) in repository.kustomizations.items() if path.is_relative_to(app.folder)}
    needing = {other for name in inside for other in repository.dependants(name)} - inside
    if needing:
        named = ", ".join(sorted(str(repository.apps.get(name, name)) for name in needing))
        raise Refusal(f"{app} is needed by {named}: take it out of dependsOn there, or remove that first.")
    refuse_while_read(repository, app.folder)


def unshared_sources(repository: Repository, app: App) -> Iterator[ChartSource]:
    """The chart sources that only this app uses; one that the template makes would come back."""
    releases = [release for _, release in repository.objects("HelmRelease", folder=app.folder)]
    used = {(ref.get("kind"), ref.get("name")) for release in releases for ref in references(release)}
    own = {
        (source["kind"], source["metadata"]["name"])
        for _, source in repository.objects("OCIRepository", "HelmRepository", folder=app.folder)
    }
    for source in repository.chart_sources.values():
        if (source.kind, source.name) in used - own and not is_core(source):
            sharing = [other for other in repository.chart_sources.values() if other.path == source.path]
            users = [path for other in sharing for path in repository.users_of(other)]
            if all(path.is_relative_to(app.folder) for path in users):
                yield source


def items_of(repository: Repository, app: App) -> list[str]:
    """The 1Password items that the app's Secrets are made of."""
    found = []
    for _, wanted in repository.objects("OnePasswordItem", folder=app.folder):
        found.append(str(wanted["spec"]["itemPath"]).rpartition("/items/")[2])
    for _, wanted in repository.objects("ExternalSecret", folder=app.folder):
        spec = wanted["spec"]
        found += [str(entry["remoteRef"]["key"]) for entry in spec.get("data") or [] if "remoteRef" in entry]
        found += [str(entry["extract"]["key"]) for entry in spec.get("dataFrom") or [] if "extract" in entry]
    return list(dict.fromkeys(found))


def only_here(folder: Path) -> list[str]:
    """The files of a folder, or their last edits, that Git could not bring back."""
    if not (ROOT / ".git").exists():
        return ["anything, because there is no Git repository"]
    listed = run("git", "status", "--porcelain", "--ignored", "--untracked-files=all", "-z", "--", folder)
    return [entry[3:].rpartition("/")[2] for entry in listed.split("\0") if entry]


def losses(repository: Repository, app: App) -> str:
    """What removing the app loses, in words."""
    claims = claims_in(repository, app.folder).in_words(app.namespace)
    files = only_here(app.folder)
    if not files:
        return claims
    named = ", ".join(files) if len(files) <= SHOWN else f"{len(files)} files"
    return f"{claims} Not committed, so Git can't bring back: {named}."


def main() -> None:
    """Refuse and ask first; then everything happens, or nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="", help="<namespace>/<app>")
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    arguments = parser.parse_args()
    repository = Repository(ROOT)
    app = repository.app_at(arguments.app)
    refuse_if_core(app)
    refuse_while_needed(repository, app)
    sources = {source.path for source in unshared_sources(repository, app)}
    lines = registrations(repository, app)
    items, addresses, mounts = items_of(repository, app), addresses_of(repository, app), mounts_of(repository, app)
    lost = losses(repository, app)
    if arguments.yes:
        warn(lost)
    confirm(f"{lost} Remove {app}?", yes=arguments.yes)

    with Change() as change:
        if lines:
            change.write(registry(repository, app.namespace), unregistered(repository, app))
        for path in sources:
            change.delete(path)
        change.delete(app.folder)

    done(f"{repository.short(app.folder)} is gone{', and its line in the namespace' if lines else ''}.")
    for path in sources:
        done(f"{repository.short(path)} is gone: no other app uses it.")
    for item in items:
        done(f"the 1Password item {item} is as it was: delete it there once nothing needs it.")
    for address in addresses:
        warn(f"{address} is an address of {app}.")
    for mount in mounts:
        warn(f"{mount} mounts a claim of {app}.")
    say_if_empty(repository, app)
    done("Next: `git add kubernetes && git commit`, then push.")


if __name__ == "__main__":
    command(main)
