"""The source of an app's chart: an existing one, or one that is added.

A source that was added belongs to the apps that use it: it is shared only between apps that need exactly the same one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talos_flux.errors import UserError
from talos_flux.repository.apps import Repository
from talos_flux.repository.generators import Generator
from talos_flux.template.generate.template_source import TemplateCheckout


@dataclass(frozen=True)
class AppChartSource:
    """A chart source. `version` is empty for a HelmRepository, whose users each name their own."""

    name: str
    kind: str
    url: str
    version: str

    def exists_in(self, repository: Repository) -> bool:
        """Return whether the repository has a source of this name."""
        return self.name in repository.chart_sources

    def rendered(self, template: TemplateCheckout) -> str:
        """Return the text of its file."""
        if self.kind == "OCIRepository":
            return template.macro("flux", "oci_repository", self.name, self.url, self.version) + "\n"
        return template.macro("flux", "helm_repository", self.name, self.url) + "\n"


def path_of(repository: Repository, name: str) -> Path:
    """Return the path of a source's file."""
    return repository.folder_of_sources / f"{name}.yaml"


def source_of(
    repository: Repository,
    template: TemplateCheckout,
    cluster: Mapping[str, Any],
    answers: Mapping[str, Any],
    generator: Generator,
) -> AppChartSource | None:
    """Return the source that what has these answers needs, under the name that it has or gets; None without a chart.

    UserError when no name is left for it, or the one that its manifests use is another's.
    """
    if generator.reads:
        return of_a_record(repository, answers[generator.record]["chart"])
    kind = answers.get("app_kind")
    if kind == "app-template":
        row = template.chart_source("app-template", cluster)
        return AppChartSource(row["name"], "OCIRepository", row["url"], row["tag"])
    if kind != "chart":
        return None
    url, version = str(answers["app_chart_url"]), str(answers["app_chart_version"])
    address, _, chart = url.rpartition("/")
    is_oci = url.startswith("oci://")
    wanted = (
        AppChartSource(chart, "OCIRepository", url, version)
        if is_oci
        else AppChartSource(chart, "HelmRepository", address, "")
    )
    return replace(wanted, name=name_of(repository, wanted, answers["app_name"]))


def of_a_record(repository: Repository, chart: Mapping[str, str]) -> AppChartSource | None:
    """Return the source of the chart of a component of the user's own; UserError when its name is another's."""
    if not chart:
        return None
    there = repository.chart_sources.get(chart["name"])
    if there and (there.kind, there.url.rstrip("/")) != ("OCIRepository", chart["url"].rstrip("/")):
        raise UserError(f"{chart['name']} is a chart source with another address already, {there.url}.")
    return AppChartSource(chart["name"], "OCIRepository", chart["url"], chart["tag"])


def name_of(repository: Repository, wanted: AppChartSource, app: str) -> str:
    """Return the name of an equal source, else the chart's, else <chart>-<app>; UserError when all are taken."""
    names = [wanted.name, f"{wanted.name}-{app}"]
    equal = sorted(
        source.name
        for source in repository.chart_sources.values()
        if (source.kind, source.url.rstrip("/"), source.version) == (wanted.kind, wanted.url, wanted.version)
    )
    free = [name for name in names if name not in repository.chart_sources and not path_of(repository, name).exists()]
    for name in [name for name in names if name in equal] + equal + free:
        return name
    raise UserError(f"{' and '.join(names)} are chart sources with another address or version already.")
