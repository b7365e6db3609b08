"""A component of the user's own: a folder with component.yaml and its manifests, here or in another Git repository.

Its folder is written like one of the template's. What it says is recorded with the answers, as `<prefix>record`, so
that what was rendered once can be rendered again when the folder has moved on.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from talos_flux.errors import UserError
from talos_flux.process import ToolError, run
from talos_flux.repository.contents import is_gits_own, is_the_tools_own
from talos_flux.template.component_record import NAME, pin_of, read_record
from talos_flux.template.fetch import PROTOCOLS, checkout
from talos_flux.template.render import Template

Answers = Mapping[str, Any]
Rendered = Callable[[str], str]

# As kustomize writes the address of a folder in a repository.
REMOTE = re.compile(
    r"(?P<repository>(?:[a-z+]+://|[\w.-]+@[\w.-]+:)[^?]+?)//(?P<folder>[^?]+?)/?(?:\?ref=(?P<ref>.+))?"
)
# {role: [app that may have it]}
ROLES = "{% from 'macros/catalogue.jinja' import roles with context %}{{ roles | to_json }}"
# {component: where its manifests are}, empty for one that is off
FOLDERS = "{{ folder | to_json }}"
SUFFIX = ".jinja"
# The generators' own files in the same folder.
MADE = ("kustomization.yaml", "onepassworditem.yaml", "externalsecret.yaml")


def read(address: str, root: Path, template: Template, cluster: Answers, recorded: Answers) -> dict[str, Any]:
    """Return what the folder at an address says, for the cluster in `root` with these answers.

    `recorded` is what it said before: versions that were recorded stay, since Renovate raises them. The address is a
    path, from the root of the repository if it is relative, or <repository>//<folder>?ref=<version>.

    UserError when it can't be read, or is no component.
    """
    folder = _folder(address, root)
    record = read_record(folder / NAME)
    chart = record.get("chart")
    pins = {name: str(pin["version"]) for name, pin in record.get("pins", {}).items()}
    pins = {name: recorded.get("pins", {}).get(name, version) for name, version in pins.items()}
    text = template.texts(cluster, pins, destination=root)
    roles = json.loads(text(ROLES))
    off = {name for name, place in json.loads(text(FOLDERS)).items() if not place}
    has_secret = record.get("secret") and _holds(record.get("secret_when", ""), text)
    secret = text(record["secret"]) if has_secret else ""
    return {
        "tier": record["tier"],
        "pod_security": record.get("pod_security", "restricted"),
        "depends_on": sorted({app for one in record.get("depends_on", []) for app in roles.get(one, [one])} - off),
        "current_when": record.get("current_when", []),
        "secret": secret,
        "item": record.get("item", secret),
        "chart": _chart(chart, folder.name, pins, folder / NAME) if chart else {},
        "pins": pins,
        "files": dict(sorted(_manifests(folder, text))),
    }


def name_of(address: str) -> str:
    """Return the name of the component at an address: that of its folder."""
    remote = REMOTE.fullmatch(address)
    return Path(remote["folder"] if remote else address).name


def _folder(address: str, root: Path) -> Path:
    """Return the folder at an address, fetched if it is in another repository."""
    remote = REMOTE.fullmatch(address)
    if not remote:
        folder = (root / Path(address).expanduser()).resolve()
        if not (folder / NAME).is_file():
            raise UserError(f"{address} is no component: {folder} has no {NAME}.")
        return folder
    repository = remote["repository"]
    folder = checkout(repository, remote["ref"] or _newest(repository)) / remote["folder"]
    if not (folder / NAME).is_file():
        raise UserError(f"{address} is no component: {remote['folder']} of {repository} has no {NAME}.")
    return folder


def _newest(repository: str) -> str:
    """Return the commit that a repository's own branch is at."""
    try:
        listed = run("git", "ls-remote", "--", repository, "HEAD", extra=PROTOCOLS).split()
    except ToolError as failed:
        raise UserError(f"{repository} can't be reached: {failed.reason}.") from None
    if not listed:
        raise UserError(f"{repository} has no commit.")
    return listed[0]


def _holds(condition: str, text: Rendered) -> bool:
    """Return whether a condition of Jinja holds; an empty one does."""
    return not condition or bool(text(f"{{% if {condition} %}}yes{{% endif %}}"))


def _chart(chart: Mapping[str, Any], name: str, pins: Mapping[str, str], path: Path) -> dict[str, str]:
    """Return where its chart comes from: {name, url, tag}; UserError when nothing says its version."""
    source = chart.get("name", name)
    pin = chart.get("pin", pin_of(source))
    if pin not in pins:
        raise UserError(f"{path}: pins has no {pin}, the version of its chart.")
    if not str(chart.get("url", "")).startswith("oci://"):
        raise UserError(f"{path}: the url of chart is one of an OCI registry, oci://..., not {chart.get('url')}.")
    return {"name": source, "url": chart["url"], "tag": pins[pin]}


def _manifests(folder: Path, text: Rendered) -> Iterator[tuple[str, str]]:
    """Yield name and text of each manifest that this cluster has; UserError for one that it can't have."""
    for path in sorted(folder.iterdir()):
        if path.name == NAME or path.name.startswith("."):
            continue
        is_template = path.name.endswith(SUFFIX)
        name = text(path.name.removesuffix(SUFFIX))
        if not name:
            continue
        if path.is_dir() or path.is_symlink():
            raise UserError(f"{path} is no file: the manifests of a component stand beside its {NAME}.")
        if name in MADE or "/" in name or is_gits_own(name) or is_the_tools_own(name):
            raise UserError(f"{path} would be written to {name}, which is not a component's.")
        try:
            content = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} can't be read: {error}.") from None
        try:
            yield name, text(content) if is_template else content
        except UserError as refusal:
            raise UserError(f"{path}: {refusal}") from None
