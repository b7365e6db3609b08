"""What waits for what: sources, dependencies and inventories of Flux' objects, and where each trail ends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lib.flux.names import Key, key_of
from lib.flux.standing import (
    WAITS,
    Standing,
    State,
    duration,
    is_outdated,
    reason_of,
    revision_of,
    short,
    standing_of,
    timeout_of,
)
from lib.kube.kinds import FLUX, HELM_RELEASE, KUSTOMIZATION, WARNING
from lib.kube.objects import Object, at, is_true, namespace_of, spec_of, status_of
from lib.kube.snapshot import Snapshot

# With these words a controller says that what is wrong is the source.
OF_THE_SOURCE = {"SourceNotReady", "ArtifactFailed"}
OWNER = "kustomize.toolkit.fluxcd.io"
# A controller looks every 30 s whether a dependency is ready (--requeue-dependency), a busy one a little later.
UNNOTICED = timedelta(minutes=2)


@dataclass
class Graph:
    """`objects` of Flux with how each stands, `causes` what each waits for, `missing` what it names in vain.

    `events` are Warnings by the object they are about, the newest first.
    """

    objects: dict[Key, Object]
    standings: dict[Key, Standing]
    events: Mapping[Key, list[Object]]
    known: frozenset[str]
    causes: dict[Key, list[Key]] = field(default_factory=dict)
    missing: dict[Key, list[Key]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Graph":
        """That of a cluster at one moment."""
        objects = {key_of(item): item for item in snapshot.of(*FLUX)}
        events = warnings_of(snapshot)
        standings = {key: standing_of(item, events.get(key, ())) for key, item in objects.items()}
        known = frozenset(kind.name for kind in FLUX if kind in snapshot.objects)
        graph = cls(objects, standings, events, known)
        for key, standing in standings.items():
            if standing.state == State.READY and graph.is_behind(objects[key]):
                standings[key] = graph._behind(key)
            elif standing.state in (State.FAILING, State.APPLYING):
                graph._trace(key)
        return graph

    def _behind(self, key: Key) -> Standing:
        """A Kustomization that has not applied what its source has; Flux comes to it after its interval at last."""
        item = self.objects[key]
        source = self.objects[next(sources_of(item))]
        since = at((status_of(source).get("artifact") or {}).get("lastUpdateTime"))
        said = f"has applied {short(revision_of(item))}, its source has {short(revision_of(source))}"
        patience = duration(str(spec_of(item).get("interval"))) + timeout_of(item)
        is_late = since is not None and datetime.now(UTC) - since > patience
        return Standing(State.FAILING if is_late else State.APPLYING, said, since)

    def _trace(self, key: Key) -> None:
        """Find what an object that is not ready waits for."""
        item = self.objects[key]
        wanted = list(dependencies_of(item)) if reason_of(item) == WAITS else [*sources_of(item)]
        self.missing[key] = [one for one in wanted if one not in self.objects and one.kind in self.known]
        there = [one for one in wanted if one in self.objects]
        if reason_of(item) == WAITS:
            causes = [one for one in there if self.holds_up(one, item)]
        else:
            causes = [one for one in there if self.has_nothing(one, item)] or list(self._unready_parts(key))
        # What names something that is not there waits in vain, whatever else it waits for.
        if causes and not self.missing[key]:
            self.causes[key] = causes
            if self.standings[key].state == State.FAILING:
                self.standings[key] = Standing(State.WAITING, self.standings[key].said, self.standings[key].since)
        elif not self.missing[key] and reason_of(item) == WAITS and (freed := self._freed(there)):
            said = f"what it waited for is ready now, and Flux soon tries again: {', '.join(map(str, there))}"
            self.standings[key] = Standing(State.APPLYING, said, freed)

    def _freed(self, dependencies: list[Key]) -> datetime | None:
        """When the last of its dependencies became ready, if that is so new that Flux may not have looked since."""
        last = max((since for one in dependencies if (since := self.standings[one].since)), default=None)
        return last if last and datetime.now(UTC) - last < UNNOTICED else None

    def _unready_parts(self, key: Key) -> Iterator[Key]:
        """Those of Flux' objects in a Kustomization that fail; they take their time while they are in progress."""
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

    def holds_up(self, key: Key, item: Object) -> bool:
        """Whether a dependency keeps an object waiting: it is not ready, or has not applied the newest commit."""
        dependency = self.objects[key]
        return not is_true(dependency) or is_outdated(dependency) or self.is_behind(dependency, item)

    def is_behind(self, item: Object, other: Object | None = None) -> bool:
        """Whether a Kustomization has not applied what its source has; with another one, only if they share it."""
        source = next(sources_of(item), None)
        if item["kind"] != KUSTOMIZATION.name or source not in self.objects:
            return False
        if other is not None and source != next(sources_of(other), None):
            return False
        return revision_of(item) != revision_of(self.objects[source])

    def has_nothing(self, key: Key, item: Object) -> bool:
        """Whether an object can't go on for its source, which fails."""
        source = self.objects[key]
        is_ready = self.standings[key].state in (State.READY, State.SUSPENDED)
        if is_ready and "artifact" in status_of(source):
            return False
        return "artifact" not in status_of(source) or reason_of(item) in OF_THE_SOURCE

    def ends(self, key: Key) -> list[Key]:
        """Where the trails from an object end: what waits for nothing else. Empty in a circle."""
        found: dict[Key, None] = {}
        seen, ahead = {key}, [key]
        while ahead:
            one = ahead.pop()
            causes = self.causes.get(one, [])
            if not causes:
                found[one] = None
            new = [cause for cause in causes if cause not in seen]
            seen.update(new)
            ahead += new
        return list(found)

    def circles(self) -> list[list[Key]]:
        """The objects that wait for each other, each circle once; it begins with the first by name."""
        found: list[list[Key]] = []
        for key in sorted(self.causes):
            if not any(key in circle for circle in found) and (trail := self._trail_back(key)):
                found.append(trail)
        return found

    def _trail_back(self, key: Key) -> list[Key]:
        """The shortest way from an object over what it waits for back to it; empty without one."""
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

    def waits_for(self, key: Key, others: list[Key]) -> bool:
        """Whether one of others is somewhere on an object's trail."""
        seen, ahead = {key}, [key]
        while ahead:
            causes = self.causes.get(ahead.pop(), [])
            if any(cause in others for cause in causes):
                return True
            new = [cause for cause in causes if cause not in seen]
            seen.update(new)
            ahead += new
        return False

    def owner(self, key: Key) -> Key | None:
        """The Kustomization that applies an object."""
        labels = self.objects[key]["metadata"].get("labels") or {}
        owner = Key(KUSTOMIZATION.name, f"{labels.get(f'{OWNER}/namespace')}/{labels.get(f'{OWNER}/name')}")
        return owner if owner in self.objects else None

    def above(self, key: Key) -> list[Key]:
        """The Kustomizations that contain an object, from the nearest up."""
        found: list[Key] = []
        owner = self.owner(key)
        while owner and owner not in found:
            found.append(owner)
            owner = self.owner(owner)
        return found


def warnings_of(snapshot: Snapshot) -> dict[Key, list[Object]]:
    """Warnings by the object that each is about, the newest first."""
    found: dict[Key, list[Object]] = {}
    for event in sorted(snapshot.of(WARNING), key=moment_of, reverse=True):
        about = event.get("involvedObject") or {}
        name = f"{about['namespace']}/{about.get('name')}" if about.get("namespace") else str(about.get("name"))
        found.setdefault(Key(str(about.get("kind")), name), []).append(event)
    return found


def moment_of(event: Object) -> str:
    """When an event happened last, as the API writes it."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp", "")
    )


def dependencies_of(item: Object) -> Iterator[Key]:
    """What it names in dependsOn, of its own kind."""
    for entry in spec_of(item).get("dependsOn") or []:
        yield Key(item["kind"], f"{entry.get('namespace') or namespace_of(item)}/{entry['name']}")


def sources_of(item: Object) -> Iterator[Key]:
    """Where it takes from what it applies: a repository, or a release's chart and thereby its repository."""
    spec, namespace = spec_of(item), namespace_of(item)
    if chart := (spec.get("chart") if item["kind"] == HELM_RELEASE.name else None):
        reference = chart["spec"]["sourceRef"]
        place = reference.get("namespace") or namespace
        yield Key("HelmChart", f"{place}/{namespace}-{item['metadata']['name']}")
        yield Key(reference["kind"], f"{place}/{reference['name']}")
    elif reference := spec.get("chartRef") or spec.get("sourceRef"):
        yield Key(reference["kind"], f"{reference.get('namespace') or namespace}/{reference['name']}")


def parts_of(item: Object) -> Iterator[Key]:
    """What a Kustomization or a HelmRelease has applied: <namespace>_<name>_<group>_<kind>, a colon as two lines."""
    inventory: Iterable[Mapping[str, str]] = (status_of(item).get("inventory") or {}).get("entries") or []
    for entry in inventory:
        namespace, _, rest = entry["id"].partition("_")
        name, _, kind = rest.rsplit("_", 2)
        name = name.replace("__", ":")
        yield Key(kind, f"{namespace}/{name}" if namespace else name)
