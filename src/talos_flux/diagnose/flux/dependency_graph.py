"""What waits for what: sources, dependencies and inventories of Flux' objects, and where each chain of causes ends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from talos_flux.diagnose.flux.names import ObjectKey, key_of
from talos_flux.diagnose.flux.status import (
    WAITS,
    State,
    Status,
    duration,
    is_outdated,
    reason_of,
    revision_of,
    short,
    standing_of,
    timeout_of,
)
from talos_flux.kube.accessors import Object, at, is_true, namespace_of, spec_of, status_of
from talos_flux.kube.kinds import FLUX, HELM_RELEASE, KUSTOMIZATION, WARNING
from talos_flux.kube.snapshot import Snapshot

# The reasons by which a controller reports that its source is at fault.
OF_THE_SOURCE = {"SourceNotReady", "ArtifactFailed"}
OWNER = "kustomize.toolkit.fluxcd.io"
# A controller looks every 30 s whether a dependency is ready (--requeue-dependency), a busy one a little later.
UNNOTICED = timedelta(minutes=2)


@dataclass
class Graph:
    """Flux' `objects`, with the status of each in `standings`.

    `causes` is what each waits for, `missing` what each refers to that is not there. `events` are Warnings by the
    object they are about, the newest first. `known` are the names of the kinds that were listed.
    """

    objects: dict[ObjectKey, Object]
    standings: dict[ObjectKey, Status]
    events: Mapping[ObjectKey, list[Object]]
    known: frozenset[str]
    causes: dict[ObjectKey, list[ObjectKey]] = field(default_factory=dict)
    missing: dict[ObjectKey, list[ObjectKey]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Graph":
        """Build the graph of a snapshot."""
        objects = {key_of(item): item for item in snapshot.of(*FLUX)}
        events = warnings_of(snapshot)
        standings = {key: standing_of(item, events.get(key, ())) for key, item in objects.items()}
        known = frozenset(kind.name for kind in FLUX if kind in snapshot.objects)
        graph = cls(objects, standings, events, known)
        for key, status in standings.items():
            if status.state == State.READY and graph.is_behind(objects[key]):
                standings[key] = graph._behind(key)
            elif status.state in (State.FAILING, State.APPLYING):
                graph._trace(key)
        return graph

    def _behind(self, key: ObjectKey) -> Status:
        """Return the status of a Kustomization that has not applied what its source has.

        It fails when that has lasted longer than its interval plus its timeout: Flux comes to it once per interval.
        """
        item = self.objects[key]
        source = self.objects[next(sources_of(item))]
        since = at((status_of(source).get("artifact") or {}).get("lastUpdateTime"))
        message = f"has applied {short(revision_of(item))}, its source has {short(revision_of(source))}"
        patience = duration(str(spec_of(item).get("interval"))) + timeout_of(item)
        is_late = since is not None and datetime.now(UTC) - since > patience
        return Status(State.FAILING if is_late else State.APPLYING, message, since)

    def _trace(self, key: ObjectKey) -> None:
        """Record what an object that is not ready waits for."""
        item = self.objects[key]
        wanted = list(dependencies_of(item)) if reason_of(item) == WAITS else [*sources_of(item)]
        self.missing[key] = [other for other in wanted if other not in self.objects and other.kind in self.known]
        present = [other for other in wanted if other in self.objects]
        if reason_of(item) == WAITS:
            causes = [other for other in present if self.holds_up(other, item)]
        else:
            causes = [other for other in present if self.has_nothing(other, item)] or list(self._unready_parts(key))
        # An object that refers to something missing waits in vain, whatever else it waits for.
        if causes and not self.missing[key]:
            self.causes[key] = causes
            if self.standings[key].state == State.FAILING:
                self.standings[key] = Status(State.WAITING, self.standings[key].message, self.standings[key].since)
        elif not self.missing[key] and reason_of(item) == WAITS and (freed := self._freed(present)):
            message = f"what it waited for is ready now, and Flux soon tries again: {', '.join(map(str, present))}"
            self.standings[key] = Status(State.APPLYING, message, freed)

    def _freed(self, dependencies: list[ObjectKey]) -> datetime | None:
        """Return when the last dependency became ready, if that is too new for Flux to have noticed; else None."""
        last = max((since for dependency in dependencies if (since := self.standings[dependency].since)), default=None)
        return last if last and datetime.now(UTC) - last < UNNOTICED else None

    def _unready_parts(self, key: ObjectKey) -> Iterator[ObjectKey]:
        """Yield the Flux objects in a Kustomization that are not ready.

        Those in progress are among them only while the Kustomization itself is in progress.
        """
        if self.objects[key]["kind"] != KUSTOMIZATION.name or reason_of(self.objects[key]) in (
            "BuildFailed", "ReconciliationFailed", "PruneFailed", "ArtifactFailed",
        ):  # fmt: skip
            return
        is_tried = self.standings[key].state == State.APPLYING
        for part in parts_of(self.objects[key]):
            if part not in self.objects or is_true(self.objects[part]):
                continue
            if is_tried or self.standings[part].state != State.APPLYING:
                yield part

    def holds_up(self, key: ObjectKey, item: Object) -> bool:
        """Return whether a dependency holds an object up: it is not ready, or has not applied the newest commit."""
        dependency = self.objects[key]
        return not is_true(dependency) or is_outdated(dependency) or self.is_behind(dependency, item)

    def is_behind(self, item: Object, other: Object | None = None) -> bool:
        """Return whether a Kustomization has not applied what its source has; with `other`, only if both share it."""
        source = next(sources_of(item), None)
        if item["kind"] != KUSTOMIZATION.name or source not in self.objects:
            return False
        if other is not None and source != next(sources_of(other), None):
            return False
        return revision_of(item) != revision_of(self.objects[source])

    def has_nothing(self, key: ObjectKey, item: Object) -> bool:
        """Return whether an object can't go on because its source fails."""
        source = self.objects[key]
        is_ready = self.standings[key].state in (State.READY, State.SUSPENDED)
        if is_ready and "artifact" in status_of(source):
            return False
        return "artifact" not in status_of(source) or reason_of(item) in OF_THE_SOURCE

    def ends(self, key: ObjectKey) -> list[ObjectKey]:
        """Return where the chains of causes from an object end: what waits for nothing else. Empty in a circle."""
        last_keys: dict[ObjectKey, None] = {}
        seen, ahead = {key}, [key]
        while ahead:
            current = ahead.pop()
            causes = self.causes.get(current, [])
            if not causes:
                last_keys[current] = None
            new = [cause for cause in causes if cause not in seen]
            seen.update(new)
            ahead += new
        return list(last_keys)

    def circles(self) -> list[list[ObjectKey]]:
        """Return the objects that wait for each other, each circle once; it begins with the first by name."""
        circles: list[list[ObjectKey]] = []
        for key in sorted(self.causes):
            if not any(key in circle for circle in circles) and (trail := self._trail_back(key)):
                circles.append(trail)
        return circles

    def _trail_back(self, key: ObjectKey) -> list[ObjectKey]:
        """Return the shortest chain of causes from an object back to itself; empty without one."""
        trails, seen = [[key]], set()
        while trails:
            trail = trails.pop(0)
            for cause in self.causes.get(trail[-1], []):
                if cause == key:
                    return trail
                if cause not in seen:
                    seen.add(cause)
                    trails.append([*trail, cause])
        return []

    def waits_for(self, key: ObjectKey, others: list[ObjectKey]) -> bool:
        """Return whether one of `others` is somewhere on an object's chain of causes."""
        seen, ahead = {key}, [key]
        while ahead:
            causes = self.causes.get(ahead.pop(), [])
            if any(cause in others for cause in causes):
                return True
            new = [cause for cause in causes if cause not in seen]
            seen.update(new)
            ahead += new
        return False

    def owner(self, key: ObjectKey) -> ObjectKey | None:
        """Return the Kustomization that applies an object, by its labels; None when it is not in the graph."""
        labels = self.objects[key]["metadata"].get("labels") or {}
        owner = ObjectKey(KUSTOMIZATION.name, f"{labels.get(f'{OWNER}/namespace')}/{labels.get(f'{OWNER}/name')}")
        return owner if owner in self.objects else None

    def above(self, key: ObjectKey) -> list[ObjectKey]:
        """Return the Kustomizations that contain an object, from the nearest up."""
        owners: list[ObjectKey] = []
        owner = self.owner(key)
        while owner and owner not in owners:
            owners.append(owner)
            owner = self.owner(owner)
        return owners


def warnings_of(snapshot: Snapshot) -> dict[ObjectKey, list[Object]]:
    """Return Warning events by the object that each is about, the newest first."""
    events: dict[ObjectKey, list[Object]] = {}
    for event in sorted(snapshot.of(WARNING), key=moment_of, reverse=True):
        about = event.get("involvedObject") or {}
        name = f"{about['namespace']}/{about.get('name')}" if about.get("namespace") else str(about.get("name"))
        events.setdefault(ObjectKey(str(about.get("kind")), name), []).append(event)
    return events


def moment_of(event: Object) -> str:
    """Return when an event happened last, as the API writes it."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp", "")
    )


def dependencies_of(item: Object) -> Iterator[ObjectKey]:
    """Yield what an object names in dependsOn, of its own kind."""
    for entry in spec_of(item).get("dependsOn") or []:
        yield ObjectKey(item["kind"], f"{entry.get('namespace') or namespace_of(item)}/{entry['name']}")


def sources_of(item: Object) -> Iterator[ObjectKey]:
    """Yield the sources of an object: a repository, or a release's chart and then the chart's repository."""
    spec, namespace = spec_of(item), namespace_of(item)
    if chart := (spec.get("chart") if item["kind"] == HELM_RELEASE.name else None):
        reference = chart["spec"]["sourceRef"]
        source_namespace = reference.get("namespace") or namespace
        yield ObjectKey("HelmChart", f"{source_namespace}/{namespace}-{item['metadata']['name']}")
        yield ObjectKey(reference["kind"], f"{source_namespace}/{reference['name']}")
    elif reference := spec.get("chartRef") or spec.get("sourceRef"):
        yield ObjectKey(reference["kind"], f"{reference.get('namespace') or namespace}/{reference['name']}")


def parts_of(item: Object) -> Iterator[ObjectKey]:
    """Yield what a Kustomization or a HelmRelease has applied, from its inventory.

    An id there is <namespace>_<name>_<group>_<kind>, and a colon in a name is written as two underscores.
    """
    inventory: Iterable[Mapping[str, str]] = (status_of(item).get("inventory") or {}).get("entries") or []
    for entry in inventory:
        namespace, _, rest = entry["id"].partition("_")
        name, _, kind = rest.rsplit("_", 2)
        name = name.replace("__", ":")
        yield ObjectKey(kind, f"{namespace}/{name}" if namespace else name)
