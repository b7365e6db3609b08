"""The volume claims of an app, and which of them are deleted with their data when Flux removes the app."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talos_flux.repository.apps import Repository, is_kind, name_of, references

Object = dict[str, Any]
# Keys with templates of claims: in StatefulSets, kube-prometheus-stack, Dragonfly and others.
TEMPLATES = {"volumeClaimTemplate", "volumeClaimTemplates", "persistentVolumeClaimSpec"}


@dataclass(frozen=True)
class Claims:
    """`lost` are deleted with their data; `kept` stay in the namespace; `unknown` are charts that may make more."""

    lost: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def in_words(self, namespace: str) -> str:
        """Return what happens to them when Flux removes the app from its namespace."""
        sentences = []
        if self.lost:
            sentences.append(f"Flux deletes its claims and their data: {', '.join(self.lost)}.")
        if self.kept:
            sentences.append(f"Claims that stay until you delete them: {', '.join(self.kept)}.")
        if self.unknown:
            sentences.append(
                f"What the chart {' and '.join(self.unknown)} claims by itself is not known here: "
                f"`kubectl --namespace {namespace} get persistentvolumeclaims` lists it."
            )
        return " ".join(sentences or ["It claims no volume."])


def claims_in(repository: Repository, folder: Path) -> Claims:
    """Return what the objects in an app's folder claim."""
    lost: list[str] = []
    kept: list[str] = []
    unknown: list[str] = []
    for _, document in repository.objects("PersistentVolumeClaim", folder=folder):
        prune = ((document.get("metadata") or {}).get("annotations") or {}).get("kustomize.toolkit.fluxcd.io/prune")
        (kept if prune == "disabled" else lost).append(name_of(document))
    for _, release in repository.objects("HelmRelease", folder=folder):
        chart = chart_of(repository, release, folder)
        if chart == "app-template":
            for name, item in made_by_app_template(release):
                (kept if item.get("retain") else lost).append(name)
        else:
            unknown.append(chart)
    for _, database in repository.objects("Cluster", folder=folder):
        if is_kind(database, "Cluster", "postgresql.cnpg.io"):
            lost.append(f"those of the database {name_of(database)}")
    for path in repository.yaml_files(folder):
        # Only files with such a key are parsed: others may not be plain YAML.
        mentions_one = any(f"{key}:" in path.read_text(errors="replace") for key in TEMPLATES)
        for document in repository.documents(path) if mentions_one else []:
            if isinstance(document, dict) and has_templates(document):
                kept.append(f"those that {document.get('kind')} {name_of(document)} makes for its pods")
    return Claims(tuple(lost), tuple(kept), tuple(dict.fromkeys(unknown)))


def chart_of(repository: Repository, release: Object, folder: Path) -> str:
    """Return the name of a HelmRelease's chart."""
    spec = release.get("spec") or {}
    if named := ((spec.get("chart") or {}).get("spec") or {}).get("chart"):
        return str(named)
    name = next((str(reference["name"]) for reference in references(release) if "name" in reference), "")
    own = [source for _, source in repository.objects("OCIRepository", folder=folder) if name_of(source) == name]
    if own:
        return str(own[0]["spec"]["url"]).rpartition("/")[2]
    return repository.chart_sources[name].url.rpartition("/")[2] if name in repository.chart_sources else name


def made_by_app_template(release: Object) -> Iterator[tuple[str, Object]]:
    """Yield the claims that the chart app-template makes: each one's name, as the chart forms it, and its values."""
    name = release_name(release)
    values = (release.get("spec") or {}).get("values") or {}
    claims = {
        key: item
        for key, item in (values.get("persistence") or {}).items()
        if item.get("enabled", True)
        and item.get("type", "persistentVolumeClaim") == "persistentVolumeClaim"
        and not item.get("existingClaim")
    }
    for key, item in claims.items():
        is_alone = len(claims) == 1 or key == name or name.endswith(f"-{key}")
        yield str(item.get("forceRename") or (name if is_alone else f"{name}-{key}")).lower(), item


def release_name(release: Object) -> str:
    """Return the Helm release name of a HelmRelease."""
    spec, name = release.get("spec") or {}, name_of(release)
    target = spec.get("targetNamespace")
    return str(spec.get("releaseName") or (f"{target}-{name}" if target else name))


def has_templates(value: Any) -> bool:
    """Return whether an object contains, at any depth, templates of claims for each of its pods."""
    if isinstance(value, dict):
        return any((key in TEMPLATES and inner) or has_templates(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(has_templates, value))
