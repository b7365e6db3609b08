"""The apps and chart sources that the template makes. Which ones there are follows from the cluster's answers."""

from lib.apps import App, ChartSource
from lib.cluster import look_up
from lib.process import ROOT
from lib.refusal import Refusal

CORE = ROOT / "scripts/lib/core.yaml"


def refuse_if_core(app: App) -> None:
    """Refusal for an app that follows the template."""
    if f"{app.namespace}/{app.folder.name}" in look_up(CORE, "apps"):
        raise Refusal(
            f"{app} is a core app, made by the template, where it stays until an answer changes, e.g. components: "
            "`task update -- --data <question>=<answer>`."
        )


def is_core(source: ChartSource) -> bool:
    """Whether a chart source follows the template."""
    return source.name in look_up(CORE, "chartSources")
