"""kubectl, for what changes the cluster: a person could type each of these commands.

What only looks at the cluster, and may look at thousands of objects, uses talos_flux.kube, which can't write.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from talos_flux.process import run

Object = dict[str, Any]


def get(kind: str, namespace: str, name: str) -> Object:
    """Return one object; ToolError when it does not exist. Without a namespace it is none of any."""
    item: Object = json.loads(run("kubectl", *_in(namespace), "get", kind, name, "--output", "json", timeout=60))
    return item


def listed(kind: str, namespace: str, *, selector: str = "") -> list[Object]:
    """Return every object of a kind in a namespace that has the labels."""
    chosen = ("--selector", selector) if selector else ()
    answer = json.loads(run("kubectl", *_in(namespace), "get", kind, *chosen, "--output", "json", timeout=60))
    items: list[Object] = answer["items"]
    return items


def create(manifest: Mapping[str, Any]) -> None:
    """Create an object; ToolError when it exists."""
    run("kubectl", "create", "--filename", "-", stdin=json.dumps(manifest))


def apply(manifest: Mapping[str, Any] | Path) -> None:
    """Apply an object, through a pipe, or a file. Its fields belong to the manager bootstrap, until Flux takes them."""
    options = ("--server-side", "--force-conflicts", "--field-manager", "bootstrap", "--filename")
    if isinstance(manifest, Path):
        run("kubectl", "apply", *options, manifest)
    else:
        run("kubectl", "apply", *options, "-", stdin=json.dumps(manifest))


def patch(kind: str, namespace: str, name: str, change: Mapping[str, Any], *, manager: str = "") -> None:
    """Patch some fields; None removes one. Flux keeps the fields of the manager flux."""
    owner = (f"--field-manager={manager}",) if manager else ()
    run("kubectl", *_in(namespace), "patch", kind, name, "--type=merge", *owner, "--patch", json.dumps(change))


def delete(kind: str, namespace: str, names: Iterable[str], *, timeout: float | None = None) -> None:
    """Delete those objects that exist, and wait until they are gone; `timeout` is in seconds."""
    limit = (f"--timeout={timeout:g}s",) if timeout else ()
    options = ("--ignore-not-found", "--wait=true", *limit)
    run("kubectl", *_in(namespace), "delete", kind, *names, *options, timeout=timeout and timeout + 30)


def logs(namespace: str, pod: str, *options: str, timeout: float = 60) -> str:
    """Return the log of a pod."""
    return run("kubectl", *_in(namespace), "logs", pod, *options, timeout=timeout)


def _in(namespace: str) -> tuple[str, ...]:
    return ("--namespace", namespace) if namespace else ()
