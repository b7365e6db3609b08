"""Components: tier, dependencies and pin of each, from the clusters of all examples, and the picture of the largest."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from talos_flux.check.graph_svg import graph_svg
from talos_flux.manifests.flux_tree import Cluster
from tests.support.cases import EXAMPLES
from tests.support.render import PROJECT, Answers
from tests.support.repository import App, Repository
from tests.tools.pages.tables import Row, filled
from tests.tools.records.component import components
from tests.tools.records.storage import storages

PAGE = PROJECT / "docs/reference/components.md"
PICTURE = PROJECT / "docs/pictures/components.svg"
HEADER = (
    "| namespace (pod security that its pods need) | app | tier | waits for | chart and pin | secrets | rendered "
    "| where pin and values were seen |"
)
TIERS = {"5m": "critical", "15m": "core", "1h": "standard"}


def page(text: str, render: Callable[[Answers], Path]) -> str:
    """Return the page with a row for each app that any example has."""
    return filled(text, HEADER, list(rows(render)), key=1)


def picture(render: Callable[[Answers], Path]) -> str:
    """Draw as SVG what waits for what in the example that has everything."""
    return graph_svg(Cluster(render(EXAMPLES["everything"]))) + "\n"


def rows(render: Callable[[Answers], Path]) -> Iterator[Row]:
    """Yield a row for each app, by namespace and name, with what it waits for and its Secrets in any example.

    And in a cluster with each storage, which needs no example of its own.
    """
    records = {component.name: component for component in components()}
    waits: dict[tuple[str, str], set[str]] = {}
    secrets: dict[tuple[str, str], set[str]] = {}
    seen: dict[tuple[str, str], tuple[App, str]] = {}
    for answers in (*EXAMPLES.values(), *({"cluster_name": each.name, "storage": each.name} for each in storages())):
        cluster = Repository(render(answers), answers)
        for app in cluster.apps:
            waits.setdefault((app.namespace, app.name), set()).update(app.depends_on)
            seen[app.namespace, app.name] = app, pin(cluster, app)
        [declared] = cluster.documents("bootstrap/secrets.yaml")
        for secret in declared["secrets"]:
            if "app" in secret:
                secrets.setdefault((secret["namespace"], secret["app"]), set()).add(secret["name"])
    for (namespace, name), (app, chart) in sorted(seen.items()):
        spec: dict[str, Any] = app.kustomization["spec"]
        record = records[name]
        own = {record.secret} if record.secret and "{" not in record.secret else set()
        yield [
            f"{namespace} ({record.pod_security})",
            name,
            TIERS[spec["interval"]],
            ", ".join(sorted(waits[namespace, name])) or "–",
            chart,
            ", ".join(sorted(own | secrets.get((namespace, name), set()))) or "–",
            record.rendered or "–",
            record.seen or "–",
        ]


def pin(cluster: Repository, app: App) -> str:
    """Return the address and tag of an app's chart; a dash without one."""
    for release in app.helm_releases:
        name = release["spec"]["chartRef"]["name"]
        [source] = cluster.documents(f"kubernetes/flux/meta/repos/{name}.yaml")
        return f"`{source['spec']['url'].removeprefix('oci://')}` {source['spec']['ref']['tag']}"
    return "–"
