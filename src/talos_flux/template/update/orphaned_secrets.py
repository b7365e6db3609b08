"""Secrets that an update switches off or moves: files that tasks wrote are deleted with the template's."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.apps import Loader
from talos_flux.repository.contents import File
from talos_flux.repository.kustomization_edits import with_resource
from talos_flux.secrets.declared import SECRETS, Secret
from talos_flux.template.generate.next_steps import secret_to_make
from talos_flux.template.instances import Answers, Instance

Files = Mapping[str, File]
INVENTORY = SECRETS.relative_to(ROOT).as_posix()


def obsolete_secrets(before: Files, after: Files) -> frozenset[str]:
    """Return the paths of SOPS files of the Secrets that the template's old version lists and its new one does not."""
    return _kept(before) - _kept(after)


def file_of_an_app(instance: Instance, after: Answers) -> frozenset[str]:
    """Return the path of an app's SOPS file when its Secret comes from elsewhere with its new answers."""
    if instance.answers.get("app_secret") != "sops" or after.get("app_secret") == "sops":
        return frozenset()
    return frozenset({(instance.folder / "app" / f"{instance.answers['app_name']}.sops.yaml").as_posix()})


def what_secrets_need(instance: Instance, after: Answers, changes: Mapping[str, File | None]) -> list[str]:
    """Return what a person does for the Secrets that an update brings or moves."""
    steps = []
    if changes.get(INVENTORY):
        steps.append(f"{INVENTORY} changes: commit, then `task init` before you push, which fills in what is missing.")
    if _kept_in(instance.answers) != _kept_in(after):
        steps += secret_to_make(str(after.get("app_namespace")), str(after.get("app_name")), after)
    for path in file_of_an_app(instance, after):
        if path in changes:
            shown = f"git show HEAD:{path} | sops decrypt --input-type yaml --output-type yaml /dev/stdin"
            steps.append(f"{path} goes; until you commit, this shows its values: {shown}")
    return steps


def with_obsolete_secrets(before: Files, yours: Files, paths: Iterable[str]) -> Files:
    """Return `before` with these files and the lines that list them.

    So a merge treats them as the template's, and deletes them.
    """
    result = dict(before)
    for path in paths:
        if path not in yours:
            continue
        result[path] = yours[path]
        listing = str(PurePosixPath(path).with_name("kustomization.yaml"))
        if listing in result:
            result[listing] = _listing(result[listing], PurePosixPath(path).name)
    return result


def _kept(files: Files) -> frozenset[str]:
    inventory = files.get(INVENTORY)
    entries = yaml.load(inventory.content, Loader)["secrets"] if inventory else []  # noqa: S506, a safe loader
    return frozenset(Secret.read(entry).file.relative_to(ROOT).as_posix() for entry in entries)


def _kept_in(answers: Answers) -> str:
    """Return where an app's Secret is kept: a vault of 1Password, whoever reads it, or the backend; empty for none."""
    if answers.get("app_secret", "none") == "none":
        return ""
    return (
        f"vault {answers['onepassword_vault']}"
        if "onepassword_vault" in answers
        else str(answers.get("secrets_backend"))
    )


def _listing(file: File, name: str) -> File:
    """Return a kustomization.yaml as `task init` leaves it; unchanged when the entry can't be added."""
    try:
        return replace(file, content=with_resource(file.content.decode(), f"./{name}").encode())
    except UserError:
        return file
