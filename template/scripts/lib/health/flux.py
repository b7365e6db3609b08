"""Flux: what fails is told once, where it began; what merely waits for it is named there."""

from collections.abc import Iterator

from lib.flux.graph import Graph, dependencies_of, sources_of
from lib.flux.messages import brief, check_command, explain, given_up
from lib.flux.names import HOME, WORDS, Key, events_command, flux_command, listed, placed, retry_command
from lib.flux.standing import WAITS, State, has_given_up, reason_of, revision_of, short
from lib.flux.workloads import unwell, warned
from lib.health.pods import of_workload
from lib.health.problems import Level, Part, Problem
from lib.kube.kinds import DEPLOYMENT, HELM_RELEASE, KUSTOMIZATION, SOURCES
from lib.kube.objects import Object, condition_of, namespace_of, spec_of
from lib.kube.snapshot import Snapshot

LEVELS = {State.FAILING: Level.CRITICAL, State.WAITING: Level.CRITICAL, State.SUSPENDED: Level.WARNING}
IN_GIT = "kustomize-controller"
MANY = 4
# kustomize-controller sorts all Kustomizations of a source when that changes, and gives up on a circle:
# "failed to sort dependencies for revision change".
STALE = "until then Flux hurries nobody to a new commit: each Kustomization comes to it at its own interval"


def controllers(snapshot: Snapshot) -> Part:
    """What does the work: without one of them everything stays as it was, and still says that it is ready."""
    here = list(snapshot.of(DEPLOYMENT, namespace=HOME))
    problems = tuple(problem for item in here for problem in of_workload(item))
    return Part("controllers", listed([str(item["metadata"]["name"]) for item in here]) or "none seen", problems)


def flux(graph: Graph, namespace: str = "", workloads: Snapshot | None = None) -> Part:
    """Sources, Kustomizations and HelmReleases; with `workloads` it goes on to what they run, and to events."""
    waiting = waiters(graph)
    problems = [
        problem
        for key, waits in waiting.items()
        if concerns(graph, key, waits, namespace)
        for problem in problems_of(graph, key, waits, workloads)
    ]
    problems += (problem for circle in graph.circles() for problem in of_circle(graph, circle, namespace))
    moving = {
        key: waits
        for key, waits in waiting.items()
        if graph.standings[key].state == State.APPLYING and concerns(graph, key, waits, namespace)
    }
    return Part("flux", looked_at(graph, namespace), tuple(problems), tuple(notes(graph, moving)))


def looked_at(graph: Graph, namespace: str) -> str:
    """How many of each there are."""
    here = [key for key in graph.objects if concerns(graph, key, [], namespace)]
    sources = sum(key.kind in {kind.name for kind in SOURCES} for key in here)
    kustomizations = sum(key.kind == KUSTOMIZATION.name for key in here)
    return f"{kustomizations} Kustomizations, {len(here) - kustomizations - sources} releases, {sources} sources"


def waiters(graph: Graph) -> dict[Key, list[Key]]:
    """What is not well by itself, each with all that waits for it; what is suspended is among the first."""
    found: dict[Key, list[Key]] = {
        key: []
        for key, standing in graph.standings.items()
        if standing.state in (State.FAILING, State.SUSPENDED, State.APPLYING) and key not in graph.causes
    }
    for key in graph.causes:
        for end in graph.ends(key):
            found.setdefault(end, []).append(key)
    return found


def concerns(graph: Graph, key: Key, waits: list[Key], namespace: str) -> bool:
    """Whether an object, or one that waits for it, has to do with a namespace."""
    return not namespace or any(
        namespace in (one.namespace, spec_of(graph.objects[one]).get("targetNamespace"))
        for one in (key, *waits, *graph.above(key)[:1])
    )


def problems_of(graph: Graph, key: Key, waits: list[Key], snapshot: Snapshot | None) -> Iterator[Problem]:
    """What is wrong with an object where a trail ends."""
    item, standing = graph.objects[key], graph.standings[key]
    level = LEVELS.get(standing.state)
    if level is None:
        return
    if standing.state == State.SUSPENDED:
        (text, command), details = suspended(graph, key), list[str]()
    else:
        text, command, details = failing(graph, key, snapshot)
    told = (*details, *said_of_waiters(graph, key, waits))
    yield Problem(level, str(key), text, namespace_of(item), command, told)


def failing(graph: Graph, key: Key, snapshot: Snapshot | None) -> tuple[str, str, list[str]]:
    """Text, command and details of an object that fails by itself."""
    item, standing = graph.objects[key], graph.standings[key]
    if graph.missing.get(key):
        return *absent(graph, key), []
    if reason_of(item) == WAITS:
        names = list(map(str, dependencies_of(item)))
        are = "which is ready" if len(names) == 1 else "which are all ready"
        return f"still waits for {', '.join(names)}, {are}", flux_command("reconcile", item), []
    text, command = explain(item, standing.said)
    if item["kind"] == HELM_RELEASE.name and command.startswith("task check"):
        owner = graph.owner(key)
        command = check_command(graph.objects[owner]) if owner else command
    details = []
    if snapshot:
        # A release that failed for its values, or was taken back, has no workloads to look at.
        found = unwell(snapshot, item)
        details = [str(problem) for problem in found] + warned(graph, item, standing.said)
        command = found[0].command if found else command
    if item["kind"] == HELM_RELEASE.name and has_given_up(item):
        details.append(given_up(item))
        command = retry_command(item) if command == events_command(item) else command
    if (said := brief(standing.said)) and text.rpartition(": ")[2] not in said:
        details.insert(0, f"Flux says: {said}")
    return text, command, details


def absent(graph: Graph, key: Key) -> tuple[str, str]:
    """Text and command for what names another object that is not there."""
    item, missing = graph.objects[key], graph.missing[key]
    owner = graph.objects.get(graph.owner(key) or key, item)
    names = ", ".join(map(str, missing))
    if missing[0] in dependencies_of(item):
        return f"depends on {names}, which is not there", check_command(item if "path" in spec_of(item) else owner)
    words = WORDS.get(missing[0].kind, "source").replace("source", "sources")
    return f"its source {names} is not there", f"flux get {words}{placed(missing[0].namespace)}"


def suspended(graph: Graph, key: Key) -> tuple[str, str]:
    """Text and command for what somebody has stopped."""
    item = graph.objects[key]
    at = short(revision_of(item))
    text = f"is suspended{f' at {at}' if at else ''}, so Flux leaves it as it is"
    if graph.is_behind(item) and (source := next(sources_of(item), None)):
        text += f", and its source has {short(revision_of(graph.objects[source]))}"
    if condition_of(item).get("status") == "False":
        text += f"; before that it failed: {brief(graph.standings[key].said)}"
    if suspended_by(item) == IN_GIT:
        return f"{text}; it is suspended in Git", "grep --recursive --line-number 'suspend: true' kubernetes/"
    return text, flux_command("resume", item)


def suspended_by(item: Object) -> str:
    """The field manager that set spec.suspend; empty when nobody says."""
    for entry in item["metadata"].get("managedFields") or []:
        if "f:suspend" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            return str(entry.get("manager", ""))
    return ""


def said_of_waiters(graph: Graph, key: Key, waits: list[Key]) -> list[str]:
    """One line about what an object keeps from being ready; what contains it, or what waits, is not counted."""
    contain = {above for one in (key, *waits) for above in graph.above(one)}
    others = sorted(one for one in waits if one not in contain)
    # A release stands for the Kustomization that holds nothing else that waits.
    names = [one.short if one.kind == KUSTOMIZATION.name else one.name for one in others]
    if not names:
        return []
    return [f"and {len(names)} {'waits' if len(names) == 1 else 'wait'} for it: {listed(names)}"]


def of_circle(graph: Graph, circle: list[Key], namespace: str) -> Iterator[Problem]:
    """Objects that wait for each other for ever."""
    waits = [key for key in graph.causes if key not in circle and graph.waits_for(key, circle)]
    if any(concerns(graph, key, waits, namespace) for key in circle):
        item = graph.objects[circle[0]]
        trail = " → ".join(key.short for key in (*circle, circle[0]))
        yield Problem(
            Level.CRITICAL,
            str(circle[0]),
            f"waits for itself in a circle of dependsOn: {trail}",
            namespace_of(item),
            check_command(item),
            (STALE, *said_of_waiters(graph, circle[0], waits)),
        )


def notes(graph: Graph, moving: dict[Key, list[Key]]) -> Iterator[str]:
    """What is in progress, in a sentence each, or in one when it is much."""
    if len(moving) > MANY:
        yield f"{len(moving)} are in progress: {listed(sorted(key.short for key in moving))}"
        return
    for key, waits in moving.items():
        standing = graph.standings[key]
        said = f"{key} is in progress for {standing.age}: {brief(standing.said)}"
        yield "; ".join([said, *said_of_waiters(graph, key, waits)])
