"""Machine configurations: made from the patches in talos/, the inventory and the secrets bundle."""

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from talos_flux.errors import UserError
from talos_flux.paths import ROOT, TALOSCONFIG
from talos_flux.process import readable_once, run, write_private
from talos_flux.repository.settings import Inventory, Node, short, version_of

TALOS = ROOT / "talos"
CLUSTERCONFIG = TALOS / "clusterconfig"
FACTORY = "https://factory.talos.dev"


class NoAnswer(UserError):
    """The Image Factory can't be reached."""


def new_secrets_bundle() -> str:
    """Return a new secrets bundle, from which every certificate and token of a cluster is made."""
    return run("talosctl", "gen", "secrets", "--talos-version", version_of("talos"), "--output-file", "-")


def patches_of(node: Node) -> Iterator[tuple[str, Path]]:
    """Yield the node's patches as (flag, path) in the order in which they apply: for all, for its role, its own.

    Raise UserError when it has no own patch.
    """
    flag = "--config-patch-control-plane" if node.controller else "--config-patch-worker"
    for path in sorted((TALOS / "patches/global").glob("*.yaml")):
        yield "--config-patch", path
    for path in sorted((TALOS / "patches" / node.role).glob("*.yaml")):
        yield flag, path
    own = TALOS / "nodes" / f"{node.name}.yaml"
    if not own.exists():
        raise UserError(f"{short(own)} is missing: each node of talos/inventory.yaml has its own patch there.")
    yield flag, own


def render(inventory: Inventory, node: Node, bundle: str) -> str:
    """Return the node's machine configuration."""
    patches = [argument for flag, path in patches_of(node) for argument in (flag, f"@{path}")]
    return _generate(
        inventory, bundle, "controlplane" if node.controller else "worker",
        "--install-image", node.image, *patches,
    )  # fmt: skip


def render_talosconfig(inventory: Inventory, bundle: str) -> str:
    """Return the client's configuration: talosctl asks the controllers, unless told otherwise."""
    config = yaml.safe_load(_generate(inventory, bundle, "talosconfig"))
    context = config["contexts"][inventory.cluster]
    context["endpoints"] = [node.address for node in inventory.controllers]
    context["nodes"] = [node.address for node in inventory.nodes]
    return yaml.safe_dump(config, sort_keys=False)


def _generate(inventory: Inventory, bundle: str, output_type: str, *more: str) -> str:
    with readable_once(bundle) as (path, descriptor):
        return run(
            "talosctl", "gen", "config", inventory.cluster, inventory.endpoint,
            "--with-secrets", path,
            "--talos-version", version_of("talos"),
            "--kubernetes-version", version_of("kubernetes"),
            "--output-types", output_type, "--output", "-",
            "--with-docs=false", "--with-examples=false",
            *more,
            pass_fds=(descriptor,),
        )  # fmt: skip


def validate(node: Node, config: str) -> None:
    """Raise UserError unless talosctl accepts the configuration."""
    with tempfile.TemporaryDirectory(dir=private_folder(), prefix=".") as folder:
        path = Path(folder) / f"{node.name}.yaml"
        write_private(path, config)
        run("talosctl", "validate", "--config", path, "--mode", node.mode, "--strict")


def private_folder() -> Path:
    """Create talos/clusterconfig, which only its owner can enter and Git ignores, and return it."""
    CLUSTERCONFIG.mkdir(mode=0o700, exist_ok=True)
    CLUSTERCONFIG.chmod(0o700)
    return CLUSTERCONFIG


def why_the_rendered_configs_are_stale(inventory: Inventory) -> str:
    """Return what changed since `task configure`, as one sentence, or nothing."""
    sources = [path for path in TALOS.rglob("*.yaml") if CLUSTERCONFIG not in path.parents]
    newest = max(sources, key=lambda path: path.stat().st_mtime)
    for path in [*(node.config for node in inventory.nodes), TALOSCONFIG]:
        if not path.exists():
            return f"{short(path)} is missing: run `task configure`."
        if path.stat().st_mtime < newest.stat().st_mtime:
            return f"{short(newest)} is newer than {short(path)}: run `task configure`."
    return ""


def refuse_without_talosconfig() -> None:
    """Raise UserError when talosctl has no keys of this cluster; asked without, it leaves an empty file behind."""
    if not has_talosconfig():
        raise UserError(f"{short(TALOSCONFIG)} is missing: run `task configure`.")


def has_talosconfig() -> bool:
    """Return whether talosctl has keys of this cluster."""
    return TALOSCONFIG.exists() and "contexts: {}" not in TALOSCONFIG.read_text()


def factory() -> str:
    """Return the Image Factory's address."""
    return os.environ.get("IMAGE_FACTORY_URL", FACTORY).rstrip("/")


def schematics(inventory: Inventory) -> dict[Path, str]:
    """Return the id that the nodes' images name, by schematic file; UserError when one file has two."""
    ids: dict[Path, str] = {}
    for node in inventory.nodes:
        if node.schematic:
            path = TALOS / node.schematic
            if ids.setdefault(path, node.schematic_id) != node.schematic_id:
                raise UserError(
                    f"talos/inventory.yaml gives {short(path)} two ids, "
                    f"{ids[path]} and {node.schematic_id}: one file has one id."
                )
    return ids


def post_schematic(path: Path) -> str:
    """Make a schematic known to the Image Factory, which serves only those, and return its id.

    Raise UserError when the factory refuses it, NoAnswer when it does not answer.
    """
    request = urllib.request.Request(  # noqa: S310, the factory is HTTP
        f"{factory()}/schematics", data=path.read_bytes(), headers={"Content-Type": "application/yaml"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return str(json.load(response)["id"])
    except urllib.error.HTTPError as error:
        message = " ".join(error.read().decode(errors="replace").split())
        raise UserError(f"the Image Factory refuses {short(path)}: {error.code} {message}") from None
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        reason = getattr(reason, "strerror", None) or reason
        raise NoAnswer(f"the Image Factory at {factory()} does not answer: {reason}") from None
    except (ValueError, KeyError):
        raise UserError(
            f"the Image Factory at {factory()} answers {short(path)} with something that has no id."
        ) from None


def documents(config: str) -> list[dict[str, Any]]:
    """Return the documents of a machine configuration."""
    return [document for document in yaml.safe_load_all(config) if document]
