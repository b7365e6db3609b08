"""What kustomize refuses while it builds: objects that it takes for one, and patches that do not fit.

Source: sigs.k8s.io/kustomize/api v0.21, resmap/reswrangler.go, and github.com/evanphx/json-patch/v5, patch.go.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from talos_flux.manifests.objects import CLUSTER_SCOPED, FLUX, Object
from talos_flux.manifests.patches import contents_of, is_target
from talos_flux.repository.files import List, Map

# Other fields of a kustomization.yaml write these, and no patch before.
WRITTEN_LATER = {"annotations", "labels", "matchLabels", "replicas"}


def of_one_id(items: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Yield the objects that have kind, name and namespace of one before them in a build, with that one.

    A generator that merges into another one, or replaces it, is meant to. Flux Kustomizations of one name are another
    finding, wherever they are.
    """
    seen: dict[tuple[str, ...], Object] = {}
    for item in items:
        if not item.name or merges(item) or item.is_a("Kustomization", FLUX):
            continue
        namespace = "" if item.kind in CLUSTER_SCOPED else item.namespace or "default"
        other = seen.setdefault((item.api_version, item.kind, namespace, item.name), item)
        if other is not item:
            yield item, other


def without_first(items: list[Object]) -> Iterator[Object]:
    """Yield the generated objects that would merge into one that is not there."""
    made = {(item.kind, item.name) for item in items if not merges(item)}
    yield from (item for item in items if merges(item) and (item.kind, item.name) not in made)


def merges(item: Object) -> bool:
    """Return whether an object comes from a generator that adds to another one, or replaces it."""
    entry = item.content.get("generatedBy")
    return isinstance(entry, Map) and entry.get("behavior") in ("merge", "replace")


def misfits(items: list[Object], patch: Mapping[str, Any], file_of: Any = None) -> Iterator[str]:
    """Yield why a patch of operations can't be applied to an object that it is about, the first for each."""
    if not isinstance(patch.get("target"), Mapping):
        return
    operations = [content for content in contents_of(patch, file_of) if isinstance(content, List)]
    for item in items if operations else ():
        if "generatedBy" not in item.content and is_target(item, patch):
            if problem := next(filter(None, (_problem(item, content) for content in operations)), ""):
                yield problem


def _problem(item: Object, operations: List) -> str:
    """Return why the first operation that does not fit can't be applied; empty where all fit, or it can't be told.

    What an operation adds is there for the next one, so only those before the first addition are sure to fail.
    """
    for operation in operations:
        op, path = (operation.get("op"), operation.get("path")) if isinstance(operation, Map) else (None, None)
        if not isinstance(path, str) or not path.startswith("/"):
            return ""
        keys = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
        if WRITTEN_LATER.intersection(keys):
            return ""
        if op == "remove" and not _leads(item.content, keys):
            return f"{item.kind} {item.name} has no {path} to {op}"
        if op in ("add", "replace") and not _leads(item.content, keys, to=op):
            return f"{item.kind} {item.name} has nothing at {path.rpartition('/')[0]} to {op} {keys[-1]} in"
        if op != "test":
            return ""
    return ""


def _leads(value: Any, keys: list[str], *, to: str = "remove") -> bool:
    """Return whether keys lead to something that an operation can change; a key that it sets may be missing."""
    for number, key in enumerate(keys):
        is_last = number == len(keys) - 1
        if isinstance(value, dict):
            if key not in value:
                return is_last and to != "remove"
            value = value[key]
        elif isinstance(value, list):
            if is_last and to == "add" and key in ("-", str(len(value))):
                return True
            if not key.lstrip("-").isdigit() or int(key) >= len(value):
                return False
            value = value[int(key)]
        else:
            # What Flux fills in can be a mapping.
            return isinstance(value, str) and "$" in value
    return True
