"""The apps and chart sources that the template makes, depending on the cluster's answers."""

from talos_flux.errors import UserError
from talos_flux.paths import ROOT
from talos_flux.repository.apps import App, ChartSource
from talos_flux.repository.settings import look_up

MANAGED_APPS = ROOT / "scripts/managed-apps.yaml"


def refuse_if_managed(app: App) -> None:
    """Raise UserError for an app that the template makes."""
    if f"{app.namespace}/{app.folder.name}" in look_up(MANAGED_APPS, "apps"):
        raise UserError(
            f"{app} is a core app, made by the template, where it stays until an answer changes, e.g. components: "
            "`task update -- --data <question>=<answer>`."
        )


def is_managed(source: ChartSource) -> bool:
    """Return whether the template makes a chart source."""
    return source.name in look_up(MANAGED_APPS, "chartSources")
