"""All that a change does, by app: what the reports are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from talos_flux.diff import effects
from talos_flux.diff.chart_raises import Raise
from talos_flux.diff.differences import Change, Differences
from talos_flux.diff.flate import OWNERS, Key, Owner, Rendering
from talos_flux.manifests.flux_tree import Cluster

Reasons = Sequence[tuple[Key, str]]


@dataclass
class ChangedApp:
    """What differs in one app, namespace/name, and which apps wait for it."""

    name: str
    changes: list[Change] = field(default_factory=list)
    restarts: list[tuple[Key, str]] = field(default_factory=list)
    waiting: tuple[str, ...] = ()

    def count(self, what: str) -> int:
        """Return how many objects are added, changed or removed."""
        return sum(change.what == what and change.is_shown for change in self.changes)


@dataclass(frozen=True)
class ClusterDiff:
    """What the change does.

    `lost` is gone for good, `refused` will not be changed, `unserved` are kinds that lose a version, `unknown` can't be
    rendered.
    """

    base: str
    apps: Sequence[ChangedApp]
    lost: Reasons
    refused: Reasons
    raises: Sequence[Raise]
    unknown: Mapping[str, str]
    unserved: Reasons = ()

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing differs in the cluster, and that is known."""
        return not (self.apps or self.raises or self.unknown)


def by_app(
    base: str, differences: Differences, after: Rendering, clusters: tuple[Cluster, Cluster], raised: Iterable[Raise]
) -> ClusterDiff:
    """Sort what differs by app, and say what it means."""
    names = app_names(clusters[0]) | app_names(clusters[1])
    waiting = waiting_for(clusters[1])
    apps: dict[str, ChangedApp] = {}

    def app_of(key: Key) -> ChangedApp:
        # A Kustomization is applied by its parent, and is about its own app.
        owner = Owner(key.kind, key.namespace, key.name) if key.group == OWNERS["Kustomization"] else key.owner
        name = names.get(owner, f"{owner.namespace}/{owner.name}")
        return apps.setdefault(name, ChangedApp(name, waiting=waiting.get(name, ())))

    for change in differences.changes:
        app_of(change.key).changes.append(change)
    restarting = dict(effects.restarting(differences.changes))
    restarting |= {
        key: reason
        for key, reason in effects.reloaded(differences.changes, after.objects.items())
        if key not in restarting
    }
    for key, reason in restarting.items():
        app_of(key).restarts.append((key, reason))
    shown = [app for app in apps.values() if app.restarts or any(change.is_shown for change in app.changes)]
    return ClusterDiff(
        base,
        sorted(shown, key=lambda app: app.name),
        list(effects.lost(differences.changes)),
        list(effects.refused(differences.changes)),
        list(raised),
        differences.unknown,
        list(effects.unserved(differences.changes)),
    )


def app_names(cluster: Cluster) -> dict[Owner, str]:
    """Return the app, namespace/name, of everything that applies objects: a HelmRelease is of its Kustomization's."""
    names = {}
    for kustomization in cluster.kustomizations:
        name = f"{kustomization.target}/{kustomization.name}"
        names[Owner("Kustomization", *kustomization.key)] = name
    for kustomization, item in cluster.releases:
        names[Owner("HelmRelease", item.namespace, item.name)] = f"{kustomization.target}/{kustomization.name}"
    return names


def waiting_for(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Return which apps wait for each app, by name."""
    names = {item.key: f"{item.target}/{item.name}" for item in cluster.kustomizations}
    found: dict[str, list[str]] = {}
    for key, needed in cluster.waits_for.items():
        for one in needed:
            found.setdefault(names[one], []).append(names[key])
    return {name: tuple(sorted(apps)) for name, apps in found.items()}
