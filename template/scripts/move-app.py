#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Move an app to another namespace. Its data is not moved: the cluster makes it anew there."""

import argparse

from lib.apps import App, Repository
from lib.change import Change
from lib.claims import claims_in
from lib.core import refuse_if_core
from lib.kustomization import with_resource
from lib.moving import Move
from lib.process import ROOT
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

LEVELS = ["privileged", "baseline", "restricted"]


def target(repository: Repository, app: App, to: str) -> str:
    """The namespace that the app moves to; Refusal when it can't."""
    namespace, slash, name = to.partition("/")
    if not namespace:
        raise Refusal("TO is missing: TO=<namespace>.")
    if slash and name != app.folder.name:
        raise Refusal(
            f"{app} can't become {to}: a name is also that of its Helm release, its claims and its Secrets, so another "
            f"name is another app; `task new:app APP={to}`, then `task remove:app APP={app}`."
        )
    if namespace == app.namespace:
        raise Refusal(f"{app} is in namespace {namespace} already.")
    if namespace.startswith(".") or not registry(repository, namespace).exists():
        raise Refusal(f"there is no namespace {namespace}: `task new:namespace NAME={namespace}` makes it.")
    folder = repository.folder_of_apps / namespace / app.folder.name
    if folder.exists():
        raise Refusal(f"{repository.short(folder)} is taken: there can be one {app.folder.name} in a namespace.")
    return namespace


def main() -> None:
    """Refuse and ask first; then everything happens, or nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="", help="<namespace>/<app>")
    parser.add_argument("--to", default="", help="the other namespace")
    parser.add_argument("--yes", action="store_true", help="move without asking")
    arguments = parser.parse_args()
    repository = Repository(ROOT)
    app = repository.app_at(arguments.app)
    refuse_if_core(app)
    namespace = target(repository, app, arguments.to)
    refuse_while_read(repository, app.folder)
    move = Move(repository, app, namespace)
    move.refuse_if_files_are_left_behind()
    files, lines = move.files(), registrations(repository, app) or [f"./{app.folder.name}/ks.yaml"]
    doubts, addresses, mounts = move.doubts(files), addresses_of(repository, app), mounts_of(repository, app)
    levels = [repository.pod_security(name) for name in (app.namespace, namespace)]
    claims = claims_in(repository, app.folder).in_words(app.namespace)
    if arguments.yes:
        warn(f"Moving carries no data. {claims}")
    confirm(f"Moving carries no data. {claims} Move {app} to {namespace}?", yes=arguments.yes)

    with Change() as change:
        for path, text in files.items():
            change.write(path, text)
        change.move(app.folder, move.new_folder)
        change.write(registry(repository, app.namespace), unregistered(repository, app))
        new_registry = registry(repository, namespace)
        text = new_registry.read_text()
        for line in lines:
            text = with_resource(text, line)
        change.write(new_registry, text)

    done(f"{repository.short(move.new_folder)} is {app}, and namespace {namespace} lists it.")
    for doubt in doubts:
        warn(f"look at {doubt}: is it there, seen from namespace {namespace}?")
    for address in addresses:
        warn(f"{address} is an address of {app}: it is in namespace {namespace} now.")
    for mount in mounts:
        warn(f"{mount} mounts a claim of {app}, which can only be mounted in namespace {namespace} now.")
    if set(levels) <= set(LEVELS) and LEVELS.index(levels[1]) > LEVELS.index(levels[0]):
        warn(f"namespace {namespace} allows {levels[1]} pods, {app.namespace} {levels[0]} ones: does {app} need more?")
    say_if_empty(repository, app)
    done("Next: `git add kubernetes && git commit`, then push.")


if __name__ == "__main__":
    command(main)
