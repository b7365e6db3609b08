"""An app's files after a move to another namespace. The text is edited, so that comments and order stay."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from talos_flux.apps.claims import claims_in
from talos_flux.apps.references import (
    KUSTOMIZATIONS,
    address_beside,
    address_in,
    leads_into,
    registry,
    service_names,
    texts,
)
from talos_flux.errors import UserError
from talos_flux.paths import ANSWERS_FILE
from talos_flux.repository.apps import App, Repository
from talos_flux.repository.generators import generators
from talos_flux.repository.yaml_edits import Edit, edited

Keys = tuple[str, ...]
# Pod Security levels, the most permissive first.
LEVELS = ["privileged", "baseline", "restricted"]


def namespace_to_move_to(repository: Repository, app: App, to: str) -> str:
    """Return the namespace that an app is to move to; UserError when it can't."""
    namespace, slash, name = to.partition("/")
    if not namespace:
        raise UserError("TO is missing: TO=<namespace>.")
    if slash and name != app.folder.name:
        raise UserError(
            f"{app} can't become {to}: a name is also that of its Helm release, its claims and its Secrets, so another "
            f"name is another app; `task new:app APP={to}`, then `task remove:app APP={app}`."
        )
    if namespace == app.namespace:
        raise UserError(f"{app} is in namespace {namespace} already.")
    if namespace.startswith(".") or not registry(repository, namespace).exists():
        raise UserError(f"there is no namespace {namespace}: `task new:namespace NAME={namespace}` makes it.")
    folder = repository.folder_of_apps / namespace / app.folder.name
    if folder.exists():
        raise UserError(f"{repository.short(folder)} is taken: there can be one {app.folder.name} in a namespace.")
    return namespace


def is_stricter(level: str, other: str) -> bool:
    """Return whether a pod security level allows less than another; False when either is unknown."""
    return {level, other} <= set(LEVELS) and LEVELS.index(level) > LEVELS.index(other)


class Move:
    """A move of an app to another namespace."""

    def __init__(self, repository: Repository, app: App, namespace: str) -> None:
        self.repository, self.app, self.namespace = repository, app, namespace
        self.new_folder = repository.folder_of_apps / namespace / app.folder.name
        self.services = service_names(repository, app.folder)
        # Kind and name of the app's objects.
        self.objects = {
            (scalars(document).get("kind", ""), name)
            for path in repository.yaml_files(app.folder)
            for document in composed(path.read_text(errors="replace"))
            for keys, _, node in values(document)
            if keys == ("metadata", "name") and (name := node.value)
        }

    def refuse_if_files_are_left_behind(self) -> None:
        """Raise UserError when the app refers to files in its old namespace's folder, which the move would break."""
        around = self.app.folder.parent
        for path in sorted(self.app.folder.rglob("*")):
            for document in self.repository.documents(path) if path.name in KUSTOMIZATIONS else []:
                for text in texts(document):
                    taken = path.parent / text
                    goes_up = ".." in Path(text).parts
                    if goes_up and leads_into(around, taken) and not leads_into(self.app.folder, taken):
                        file, folder = self.repository.short(path), self.repository.short(around)
                        raise UserError(f"{file} takes {text} out of {folder}, which it leaves: change that first.")

    # --- Certain changes ---

    def files(self) -> dict[Path, str]:
        """Return the app's text files as they must be, by their current paths.

        Files encrypted by SOPS are left out: their checksum covers the readable parts, too.
        """
        new_texts = {}
        for path in sorted(self.app.folder.rglob("*")):
            if path.is_file() and ".sops." not in path.name:
                try:
                    text = path.read_bytes().decode()
                except UnicodeDecodeError:
                    continue
                new_texts[path] = self.moved(path, text)
        return new_texts

    def moved(self, path: Path, text: str) -> str:
        """Return a file's text for the new namespace."""
        if path.suffix in (".yaml", ".yml"):
            text = edited(text, list(set(self.edits(path, text))))
        address = address_in(self.app.namespace, self.services)
        return address.sub(lambda match: f"{match['service']}.{self.namespace}", text)

    def edits(self, path: Path, text: str) -> Iterator[Edit]:
        """Yield the edits of the values in a YAML file that name the app's namespace or folder."""
        for document in composed(text):
            top = scalars(document)
            is_flux = top.get("apiVersion", "").startswith("kustomize.toolkit.fluxcd.io/")
            for keys, beside, node in values(document):
                start, end = node.start_mark.index, node.end_mark.index
                if is_flux and keys == ("spec", "path"):
                    old = rf"{re.escape(self.repository.short(self.app.folder))}(?![\w.-])"
                    yield start, end, re.sub(old, self.repository.short(self.new_folder), text[start:end])
                elif node.value == self.app.namespace and self.means_the_app(path, keys, top, beside, is_flux=is_flux):
                    head, _, tail = text[start:end].rpartition(self.app.namespace)  # an anchor can have the same text
                    yield start, end, head + self.namespace + tail

    def means_the_app(
        self, path: Path, keys: Keys, top: dict[str, str], beside: dict[str, str], *, is_flux: bool
    ) -> bool:
        """Return whether a value equal to the old namespace's name refers to the app, and not to something else."""
        if path.name == ANSWERS_FILE:
            return keys in {each.parts_of_the_path[:-1] for each in generators().values()}
        if keys == ("metadata", "namespace"):
            return not is_flux  # every Flux Kustomization lives in flux-system
        if keys == ("namespace",):
            return path.name in KUSTOMIZATIONS
        if keys in (("spec", "targetNamespace"), ("spec", "storageNamespace")):
            return is_flux or top.get("kind") == "HelmRelease"
        return keys[-1] == "namespace" and self.is_own(beside.get("kind", ""), beside.get("name", ""))

    def is_own(self, kind: str, name: str) -> bool:
        """Return whether the app makes an object, itself or by its chart."""
        if kind in ("", "Service", "ServiceAccount") and name in self.services:
            return True
        return (kind, name) in self.objects or (not kind and name in {own for _, own in self.objects})

    # --- Possible changes ---

    def doubts(self, files: dict[Path, str]) -> list[str]:
        """Return the lines to check, as file:line: those that still name the old namespace, or something in it."""
        patterns = [self.old_namespace(), self.claim_of_others()]
        neighbours = {
            name
            for other in self.repository.apps.values()
            if other.namespace == self.app.namespace and other.folder != self.app.folder
            for name in service_names(self.repository, other.folder)
        }
        if neighbours - self.services:
            patterns.append(address_beside(neighbours - self.services))
        lines_to_check = []
        for path in sorted(self.app.folder.rglob("*")):
            if path.is_file() and path.name != ANSWERS_FILE:
                new = self.repository.short(self.new_folder / path.relative_to(self.app.folder))
                text = files[path] if path in files else path.read_text(errors="replace")
                for number, line in enumerate(text.splitlines(), start=1):
                    if any(pattern.search(line) for pattern in patterns):
                        lines_to_check.append(f"{new}:{number} ({line.strip()})")
        return lines_to_check

    def old_namespace(self) -> re.Pattern[str]:
        """Return the pattern of the old namespace's name as a whole value."""
        return re.compile(rf"(?:[:=\[,]|^\s*-)\s*[\"']?{re.escape(self.app.namespace)}[\"']?\s*(?:[,\]}}#].*)?$")

    def claim_of_others(self) -> re.Pattern[str]:
        """Return the pattern of a claim that the app mounts and does not make.

        Claims can't be mounted from another namespace.
        """
        claims = claims_in(self.repository, self.app.folder)
        own = "|".join(map(re.escape, claims.lost + claims.kept)) or "(?!)"
        return re.compile(rf"(?:existingClaim|claimName): *[\"']?(?!(?:{own})(?:[\"'\s]|$))[\w.-]+")


def composed(text: str) -> list[yaml.Node]:
    """Return the documents of a YAML text as nodes, with their positions; none when it is not plain YAML."""
    try:
        return [document for document in yaml.compose_all(text, yaml.SafeLoader) if document is not None]
    except yaml.YAMLError:
        return []


def scalars(node: yaml.Node) -> dict[str, str]:
    """Return the scalar values of a mapping, by key; empty for any other node."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): value.value for key, value in pairs if isinstance(value, yaml.ScalarNode)}


def values(node: yaml.Node, keys: Keys = ()) -> Iterator[tuple[Keys, dict[str, str], yaml.ScalarNode]]:
    """Yield every scalar under a key: the keys that lead to it, its sibling scalars, its node."""
    if isinstance(node, yaml.MappingNode):
        beside = scalars(node)
        for key, value in node.value:
            inner = (*keys, str(key.value))
            if isinstance(value, yaml.ScalarNode):
                yield inner, beside, value
            else:
                yield from values(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from values(value, keys)
