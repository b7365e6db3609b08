"""The check of Flux: a failure is reported once, where it began, and names what merely waits for it."""

from collections.abc import Iterator

from talos_flux.diagnose.flux.cause import brief, check_command
from talos_flux.diagnose.flux.dependency_graph import Graph, dependencies_of, sources_of
from talos_flux.diagnose.flux.messages import explain, given_up
from talos_flux.diagnose.flux.names import (
    HOME,
    RESOURCES,
    ObjectKey,
    events_command,
    flux_command,
    listed,
    placed,
    retry_command,
)
from talos_flux.diagnose.flux.status import WAITS, State, has_given_up, reason_of, revision_of, short
from talos_flux.diagnose.flux.workloads import unwell, warned
from talos_flux.diagnose.pod_problems import of_workload
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.accessors import Object, condition_of, namespace_of, spec_of
from talos_flux.kube.kinds import DEPLOYMENT, HELM_RELEASE, KUSTOMIZATION, SOURCES
from talos_flux.kube.snapshot import Snapshot

LEVELS = {State.FAILING: Level.CRITICAL, State.WAITING: Level.CRITICAL, State.SUSPENDED: Level.WARNING}
IN_GIT = "kustomize-controller"
MANY = 4
# kustomize-controller sorts all Kustomizations of a source when that changes, and gives up on a circle:
# "failed to sort dependencies for revision change".
STALE = "until then Flux hurries nobody to a new commit: each Kustomization comes to it at its own interval"


def controllers(snapshot: Snapshot) -> CheckResult:
    """Check Flux' controllers: without one of them everything stays as it was, and still reports that it is ready."""
    deployments = list(snapshot.of(DEPLOYMENT, namespace=HOME))
    problems = tuple(problem for item in deployments for problem in of_workload(item))
    return CheckResult(
        "controllers", listed([str(item["metadata"]["name"]) for item in deployments]) or "none seen", problems
    )


def flux(graph: Graph, namespace: str = "", workloads: Snapshot | None = None) -> CheckResult:
    """Check sources, Kustomizations and HelmReleases; with `workloads` also what they run, and events."""
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
    return CheckResult("flux", counts_of(graph, namespace), tuple(problems), tuple(notes(graph, moving)))


def counts_of(graph: Graph, namespace: str) -> str:
    """Return how many objects there are of each kind."""
    keys = [key for key in graph.objects if concerns(graph, key, [], namespace)]
    sources = sum(key.kind in {kind.name for kind in SOURCES} for key in keys)
    kustomizations = sum(key.kind == KUSTOMIZATION.name for key in keys)
    return f"{kustomizations} Kustomizations, {len(keys) - kustomizations - sources} releases, {sources} sources"


def waiters(graph: Graph) -> dict[ObjectKey, list[ObjectKey]]:
    """Return what is not ready by itself, each with all that waits for it; what is suspended is included."""
    waiting: dict[ObjectKey, list[ObjectKey]] = {
        key: []
        for key, status in graph.standings.items()
        if status.state in (State.FAILING, State.SUSPENDED, State.APPLYING) and key not in graph.causes
    }
    for key in graph.causes:
        for end in graph.ends(key):
            waiting.setdefault(end, []).append(key)
    return waiting


def concerns(graph: Graph, key: ObjectKey, waits: list[ObjectKey], namespace: str) -> bool:
    """Return whether an object, or one that waits for it, has to do with a namespace."""
    return not namespace or any(
        namespace in (other.namespace, spec_of(graph.objects[other]).get("targetNamespace"))
        for other in (key, *waits, *graph.above(key)[:1])
    )


def problems_of(graph: Graph, key: ObjectKey, waits: list[ObjectKey], snapshot: Snapshot | None) -> Iterator[Problem]:
    """Yield the problem of an object where a chain of causes ends."""
    item, status = graph.objects[key], graph.standings[key]
    level = LEVELS.get(status.state)
    if level is None:
        return
    if status.state == State.SUSPENDED:
        (text, command), details = suspended(graph, key), list[str]()
    else:
        text, command, details = failing(graph, key, snapshot)
    all_details = (*details, *details_of_waiters(graph, key, waits))
    yield Problem(level, str(key), text, namespace_of(item), command, all_details)


def failing(graph: Graph, key: ObjectKey, snapshot: Snapshot | None) -> tuple[str, str, list[str]]:
    """Return text, command and details of an object that fails by itself."""
    item, status = graph.objects[key], graph.standings[key]
    if graph.missing.get(key):
        return *absent(graph, key), []
    if reason_of(item) == WAITS:
        names = list(map(str, dependencies_of(item)))
        are = "which is ready" if len(names) == 1 else "which are all ready"
        return f"still waits for {', '.join(names)}, {are}", flux_command("reconcile", item), []
    text, command = explain(item, status.message)
    if item["kind"] == HELM_RELEASE.name and command.startswith("task check"):
        owner = graph.owner(key)
        command = check_command(graph.objects[owner]) if owner else command
    details = []
    if snapshot:
        # A release that failed for its values, or was rolled back, has no workloads to look at.
        problems = unwell(snapshot, item)
        details = [str(problem) for problem in problems] + warned(graph, item, status.message)
        command = problems[0].command if problems else command
    if item["kind"] == HELM_RELEASE.name and has_given_up(item):
        details.append(given_up(item))
        command = retry_command(item) if command == events_command(item) else command
    if (message := brief(status.message)) and text.rpartition(": ")[2] not in message:
        details.insert(0, f"Flux says: {message}")
    return text, command, details


def absent(graph: Graph, key: ObjectKey) -> tuple[str, str]:
    """Return text and command for an object that refers to another one that is not there."""
    item, missing = graph.objects[key], graph.missing[key]
    owner = graph.objects.get(graph.owner(key) or key, item)
    names = ", ".join(map(str, missing))
    if missing[0] in dependencies_of(item):
        return f"depends on {names}, which is not there", check_command(item if "path" in spec_of(item) else owner)
    resource = RESOURCES.get(missing[0].kind, "source").replace("source", "sources")
    return f"its source {names} is not there", f"flux get {resource}{placed(missing[0].namespace)}"


def suspended(graph: Graph, key: ObjectKey) -> tuple[str, str]:
    """Return text and command for a suspended object."""
    item = graph.objects[key]
    revision = short(revision_of(item))
    text = f"is suspended{f' at {revision}' if revision else ''}, so Flux leaves it as it is"
    if graph.is_behind(item) and (source := next(sources_of(item), None)):
        text += f", and its source has {short(revision_of(graph.objects[source]))}"
    if condition_of(item).get("status") == "False":
        text += f"; before that it failed: {brief(graph.standings[key].message)}"
    if suspended_by(item) == IN_GIT:
        return f"{text}; it is suspended in Git", "grep --recursive --line-number 'suspend: true' kubernetes/"
    return text, flux_command("resume", item)


def suspended_by(item: Object) -> str:
    """Return the field manager that set spec.suspend; empty when none is recorded."""
    for entry in item["metadata"].get("managedFields") or []:
        if "f:suspend" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            return str(entry.get("manager", ""))
    return ""


def details_of_waiters(graph: Graph, key: ObjectKey, waits: list[ObjectKey]) -> list[str]:
    """Return one line about what waits for an object, or none; what contains it or what waits is not counted."""
    contain = {above for other in (key, *waits) for above in graph.above(other)}
    others = sorted(other for other in waits if other not in contain)
    # A Kustomization whose release waits is left out above: the release is named in its place.
    names = [other.short if other.kind == KUSTOMIZATION.name else other.name for other in others]
    if not names:
        return []
    return [f"and {len(names)} {'waits' if len(names) == 1 else 'wait'} for it: {listed(names)}"]


def of_circle(graph: Graph, circle: list[ObjectKey], namespace: str) -> Iterator[Problem]:
    """Yield a problem for objects that wait for each other for ever."""
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
            (STALE, *details_of_waiters(graph, circle[0], waits)),
        )


def notes(graph: Graph, moving: dict[ObjectKey, list[ObjectKey]]) -> Iterator[str]:
    """Yield what is in progress, in a sentence each, or in one when it is much."""
    if len(moving) > MANY:
        yield f"{len(moving)} are in progress: {listed(sorted(key.short for key in moving))}"
        return
    for key, waits in moving.items():
        status = graph.standings[key]
        text = f"{key} is in progress for {status.age}: {brief(status.message)}"
        yield "; ".join([text, *details_of_waiters(graph, key, waits)])
