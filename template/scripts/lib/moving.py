"""An app's files as they must be in another namespace. Edits of the text, so that its comments and order stay."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lib.apps import App, Repository
from lib.claims import claims_in
from lib.editing import Edit, edited
from lib.references import KUSTOMIZATIONS, address_beside, address_in, leads_into, service_names, texts
from lib.refusal import Refusal

Keys = tuple[str, ...]


class Move:
    """An app on its way into another namespace."""

    def __init__(self, repository: Repository, app: App, namespace: str) -> None:
        self.repository, self.app, self.namespace = repository, app, namespace
        self.new_folder = repository.folder_of_apps / namespace / app.folder.name
        self.services = service_names(repository, app.folder)
        # What the app consists of, as kind and name.
        self.objects = {
            (scalars(document).get("kind", ""), name)
            for path in repository.yaml_files(app.folder)
            for document in composed(path.read_text(errors="replace"))
            for keys, _, node in values(document)
            if keys == ("metadata", "name") and (name := node.value)
        }

    def refuse_if_files_are_left_behind(self) -> None:
        """Refusal when the app takes files from its old namespace's folder, where it could no longer find them."""
        around = self.app.folder.parent
        for path in sorted(self.app.folder.rglob("*")):
            for document in self.repository.documents(path) if path.name in KUSTOMIZATIONS else []:
                for text in texts(document):
                    taken = path.parent / text
                    goes_up = ".." in Path(text).parts
                    if goes_up and leads_into(around, taken) and not leads_into(self.app.folder, taken):
                        file, folder = self.repository.short(path), self.repository.short(around)
                        raise Refusal(f"{file} takes {text} out of {folder}, which it leaves: change that first.")

    # --- What certainly has to change ---

    def files(self) -> dict[Path, str]:
        """The app's text files as they must be, by their paths of now.

        One that SOPS keeps is left out: its checksum covers what can be read, too.
        """
        found = {}
        for path in sorted(self.app.folder.rglob("*")):
            if path.is_file() and ".sops." not in path.name:
                try:
                    text = path.read_bytes().decode()
                except UnicodeDecodeError:
                    continue
                found[path] = self.moved(path, text)
        return found

    def moved(self, path: Path, text: str) -> str:
        """A file's text in the new namespace."""
        if path.suffix in (".yaml", ".yml"):
            text = edited(text, list(set(self.edits(path, text))))
        address = address_in(self.app.namespace, self.services)
        return address.sub(lambda match: f"{match['service']}.{self.namespace}", text)

    def edits(self, path: Path, text: str) -> Iterator[Edit]:
        """The values in a YAML file that name the app's namespace or folder."""
        for document in composed(text):
            top = scalars(document)
            is_flux = top.get("apiVersion", "").startswith("kustomize.toolkit.fluxcd.io/")
            for keys, beside, node in values(document):
                start, end = node.start_mark.index, node.end_mark.index
                if is_flux and keys == ("spec", "path"):
                    old = rf"{re.escape(self.repository.short(self.app.folder))}(?![\w.-])"
                    yield start, end, re.sub(old, self.repository.short(self.new_folder), text[start:end])
                elif node.value == self.app.namespace and self.means_the_app(path, keys, top, beside, is_flux=is_flux):
                    head, _, tail = text[start:end].rpartition(self.app.namespace)  # an anchor may be called the same
                    yield start, end, head + self.namespace + tail

    def means_the_app(
        self, path: Path, keys: Keys, top: dict[str, str], beside: dict[str, str], *, is_flux: bool
    ) -> bool:
        """Whether a value that is the old namespace's name says where the app is, and not where something else is."""
        if path.name == ".copier-answers.yml":
            return keys == ("app_namespace",)
        if keys == ("metadata", "namespace"):
            return not is_flux  # every Flux Kustomization lives in flux-system
        if keys == ("namespace",):
            return path.name in KUSTOMIZATIONS
        if keys in (("spec", "targetNamespace"), ("spec", "storageNamespace")):
            return is_flux or top.get("kind") == "HelmRelease"
        return keys[-1] == "namespace" and self.is_own(beside.get("kind", ""), beside.get("name", ""))

    def is_own(self, kind: str, name: str) -> bool:
        """Whether the app makes an object, itself or by its chart."""
        if kind in ("", "Service", "ServiceAccount") and name in self.services:
            return True
        return (kind, name) in self.objects or (not kind and name in {own for _, own in self.objects})

    # --- What may have to ---

    def doubts(self, files: dict[Path, str]) -> list[str]:
        """What a person has to look at, as file:line: where the old namespace, or something in it, is still named."""
        patterns = [self.old_namespace(), self.claim_of_others()]
        neighbours = {
            name
            for other in self.repository.apps.values()
            if other.namespace == self.app.namespace and other.folder != self.app.folder
            for name in service_names(self.repository, other.folder)
        }
        if neighbours - self.services:
            patterns.append(address_beside(neighbours - self.services))
        found = []
        for path in sorted(self.app.folder.rglob("*")):
            if path.is_file() and path.name != ".copier-answers.yml":
                new = self.repository.short(self.new_folder / path.relative_to(self.app.folder))
                text = files[path] if path in files else path.read_text(errors="replace")
                for number, line in enumerate(text.splitlines(), start=1):
                    if any(pattern.search(line) for pattern in patterns):
                        found.append(f"{new}:{number} ({line.strip()})")
        return found

    def old_namespace(self) -> re.Pattern[str]:
        """The old namespace's name as the whole of a value."""
        return re.compile(rf"(?:[:=\[,]|^\s*-)\s*[\"']?{re.escape(self.app.namespace)}[\"']?\s*(?:[,\]}}#].*)?$")

    def claim_of_others(self) -> re.Pattern[str]:
        """A claim that the app mounts and does not make: claims can't be mounted from another namespace."""
        claims = claims_in(self.repository, self.app.folder)
        own = "|".join(map(re.escape, claims.lost + claims.kept)) or "(?!)"
        return re.compile(rf"(?:existingClaim|claimName): *[\"']?(?!(?:{own})(?:[\"'\s]|$))[\w.-]+")


def composed(text: str) -> list[yaml.Node]:
    """The documents of a YAML text, with their places in it; none when only another program can read it."""
    try:
        return [document for document in yaml.compose_all(text, yaml.SafeLoader) if document is not None]
    except yaml.YAMLError:
        return []


def scalars(node: yaml.Node) -> dict[str, str]:
    """The plain values of a mapping, by key; empty when it is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value): value.value for key, value in pairs if isinstance(value, yaml.ScalarNode)}


def values(node: yaml.Node, keys: Keys = ()) -> Iterator[tuple[Keys, dict[str, str], yaml.ScalarNode]]:
    """Every plain value under a key: the keys that lead to it, the plain values beside it, itself."""
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
