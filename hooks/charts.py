"""Where an app's chart comes from: a source that is there, or one that is added for it.

A source that was added belongs to whoever uses it: it is shared only where nobody could tell the difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.apps import Repository
from lib.refusal import Refusal

from hooks.template import Template


@dataclass(frozen=True)
class Source:
    """A chart source. `version` is empty for a HelmRepository, whose users each name their own."""

    name: str
    kind: str
    url: str
    version: str

    def exists_in(self, repository: Repository) -> bool:
        """Whether the repository has it under this name."""
        return self.name in repository.chart_sources

    def rendered(self, template: Template) -> str:
        """Its file."""
        if self.kind == "OCIRepository":
            return template.macro("flux", "oci_repository", self.name, self.url, self.version) + "\n"
        return template.macro("flux", "helm_repository", self.name, self.url) + "\n"


def path_of(repository: Repository, name: str) -> Path:
    """The file of a source."""
    return repository.folder_of_sources / f"{name}.yaml"


def source_of(
    repository: Repository, template: Template, cluster: Mapping[str, Any], answers: Mapping[str, Any]
) -> Source | None:
    """The source that an app with these answers needs, under the name that it has or gets; None without a chart.

    Refusal when no name is left for it.
    """
    if answers["app_kind"] == "app-template":
        row = template.chart_source("app-template", cluster)
        return Source(row["name"], "OCIRepository", row["url"], row["tag"])
    if answers["app_kind"] != "chart":
        return None
    url, version = str(answers["app_chart_url"]), str(answers["app_chart_version"])
    address, _, chart = url.rpartition("/")
    is_oci = url.startswith("oci://")
    wanted = Source(chart, "OCIRepository", url, version) if is_oci else Source(chart, "HelmRepository", address, "")
    return replace(wanted, name=name_of(repository, wanted, answers["app_name"]))


def name_of(repository: Repository, wanted: Source, app: str) -> str:
    """The name of an equal source that is there, else the chart's, else <chart>-<app>; Refusal when all are taken."""
    names = [wanted.name, f"{wanted.name}-{app}"]
    equal = sorted(
        there.name
        for there in repository.chart_sources.values()
        if (there.kind, there.url.rstrip("/"), there.version) == (wanted.kind, wanted.url, wanted.version)
    )
    free = [name for name in names if name not in repository.chart_sources and not path_of(repository, name).exists()]
    for name in [name for name in names if name in equal] + equal + free:
        return name
    raise Refusal(f"{' and '.join(names)} are chart sources with another address or version already.")
