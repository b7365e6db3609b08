"""Charts that get another version, and whether our values still fit them."""

from collections.abc import Iterator
from dataclasses import dataclass

from talos_flux.charts import updates
from talos_flux.charts.constraint import level_of, number_of
from talos_flux.charts.pins import Pin, pins
from talos_flux.charts.sources import Sources
from talos_flux.charts.updates import Target
from talos_flux.manifests.flux_tree import Cluster


@dataclass(frozen=True)
class Raise:
    """A chart's version on both sides, for the releases (namespace/name) that get it.

    `problems` are values of ours that have to change first, `unknown` why nobody can tell, `notes` what the chart says
    of its changes. The `level` is patch, minor or major; empty where a version is no number.
    """

    chart: str
    before: str
    after: str
    releases: tuple[str, ...]
    problems: tuple[str, ...] = ()
    unknown: str = ""
    level: str = ""
    notes: tuple[str, ...] = ()


def raises(before: Cluster, after: Cluster, sources: Sources, target: Target) -> Iterator[Raise]:
    """Yield the charts whose version differs, each compared with our values as they are after the change."""
    old = {name: pin.version for pin in pins(before) for name in pin.users}
    for pin in pins(after):
        versions = {old[name] for name in pin.users if name in old} - {pin.version}
        if len(versions) == 1:
            yield _compared(pin, versions.pop(), sources, target)


def _compared(pin: Pin, old: str, sources: Sources, target: Target) -> Raise:
    raised = (pin.chart, old, pin.version, tuple(pin.users))
    if pin.reason or pin.source is None:
        return Raise(*raised, unknown=pin.reason)
    former = Pin(pin.source, old, pin.item, pin.keys, releases=pin.releases)
    [update] = updates.look_at(former, pin.version, sources, target).updates
    problems = [f"{effect.name}: {problem}" for effect in update.effects for problem in effect.problems]
    if update.limit:
        problems.append(f"it runs on Kubernetes {update.limit}, and this is {target.kubernetes}")
    unrendered = next((effect.unrendered for effect in update.effects if effect.unrendered), "")
    unknown = update.unknown or ("" if update.limit else unrendered)
    before, after = number_of(old), number_of(pin.version)
    level = level_of(before, after) if before and after else ""
    return Raise(*raised, tuple(problems), unknown, level, update.changelog.changes)
