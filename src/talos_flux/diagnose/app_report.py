"""The report on one app, from Flux down to its containers: what is wrong, the last events, and the failing logs."""

from collections.abc import Iterator

from rich.markup import escape

from talos_flux import kubectl
from talos_flux.diagnose.app_state import WORKLOADS, AppState
from talos_flux.diagnose.flux.dependency_graph import moment_of, warnings_of
from talos_flux.diagnose.pod_problems import of_job, of_pod, of_workload
from talos_flux.diagnose.probes.storage import of_claim
from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.diagnose.report import Report
from talos_flux.errors import UserError
from talos_flux.kube.accessors import (
    Object,
    age_of,
    condition_of,
    is_observed,
    is_true,
    name_of,
    namespace_of,
    selects,
    spec_of,
    status_of,
)
from talos_flux.kube.kinds import CLAIM, JOB, POD, STORAGE_CLASS
from talos_flux.terminal import out

EVENTS, LINES = 8, 20


def examine(app: AppState) -> tuple[Report, list[Object]]:
    """Return the report on an app, and its failing pods."""
    workloads = [item for item in app.snapshot.of(*WORKLOADS) if app.is_of(item)]
    pods = [pod for pod in app.snapshot.of(POD) if any(selects(item, pod) for item in workloads) or app.is_of(pod)]
    claims = [item for item in app.snapshot.of(CLAIM) if app.is_of(item)]
    classes = {str(item["metadata"]["name"]): item for item in app.snapshot.of(STORAGE_CLASS)}
    failing = [pod for pod in pods if any(of_pod(pod))]
    failing_names = {name_of(item) for item in failing}
    of_flux_objects = [problem for item in app.objects for problem in of_flux(item, app)]
    of_pods = [problem for pod in pods for problem in of_pod(pod)]
    for item in workloads:
        if item["kind"] == JOB.name:
            of_pods += of_job(item)
        elif not any(selects(item, pod) and name_of(pod) in failing_names for pod in pods):
            of_pods += of_workload(item)
    of_claims = [problem for claim in claims for problem in of_claim(claim, classes, app.snapshot)]
    parts = [
        CheckResult("Flux", "; ".join(map(of_flux_in_words, app.objects)), tuple(of_flux_objects)),
        CheckResult("pods", f"{len(pods)} pods of {len(workloads)} workloads", tuple(of_pods)),
        CheckResult("volumes", f"{len(claims)} claims", tuple(of_claims)),
    ]
    denied = [f"{kind.plural} can't be looked at: {reason}." for kind, reason in sorted(app.snapshot.denied.items())]
    return Report(parts, denied, verbose=True), failing


def of_flux(item: Object, app: AppState) -> Iterator[Problem]:
    """Yield a problem for a Flux object that is suspended or not ready, with the message of its Ready condition."""
    kind, namespace, name = str(item["kind"]), namespace_of(item), str(item["metadata"]["name"])
    subject, ready = f"{kind} {name_of(item)}", condition_of(item)
    events = f"flux events --for {kind}/{name} --namespace {namespace}"
    if spec_of(item).get("suspend"):
        text = "is suspended: Flux leaves it alone"
        yield Problem(Level.WARNING, subject, text, namespace, f"task flux:resume APP={app.name}")
    elif not is_true(item) or not is_observed(item):
        message = str(ready.get("message") or "Flux has not looked at it").rstrip(".")
        gave_up = is_true(item, "Stalled")
        text = f"has given up: {message}" if gave_up else f"is not ready: {message}"
        command = f"task flux:retry APP={app.name}" if gave_up and kind == "HelmRelease" else events
        yield Problem(Level.CRITICAL, subject, text, namespace, command)


def of_flux_in_words(item: Object) -> str:
    """Describe a Flux object and the chart version or revision that is applied."""
    status = status_of(item)
    history = status.get("history")
    latest = history[0].get("chartVersion") if isinstance(history, list) and history else None
    applied = latest or status.get("lastAppliedRevision") or "nothing yet"
    return f"{item['kind']} {name_of(item)} at {applied}"


def show_more(app: AppState, failing: list[Object]) -> None:
    """Print the last warning events about an app's objects, and the logs of its failing pods."""
    objects = [(str(item["kind"]), name_of(item)) for item in app.objects]
    objects += [
        (kind.name, name_of(item)) for kind in (*WORKLOADS, CLAIM) for item in app.snapshot.of(kind) if app.is_of(item)
    ]
    objects += [(POD.name, name_of(pod)) for pod in failing]
    if events := events_of(app, set(objects)):
        out.print("[bold]last warnings[/bold]")
        for event in events:
            involved = event["involvedObject"]
            message = " ".join(str(event.get("message")).split())
            out.print(
                f"  {age_of(moment_of(event))} ago, {involved['kind']} {involved['name']}: {message}", markup=False
            )
    for pod in failing:
        show_logs(pod)


def events_of(app: AppState, names: set[tuple[str, str]]) -> list[Object]:
    """Return the last warning events about objects, given as (kind, <namespace>/<name>), the newest last."""
    selected = [event for about, events in warnings_of(app.snapshot).items() if about in names for event in events]
    return sorted(selected, key=moment_of)[-EVENTS:]


def show_logs(pod: Object) -> None:
    """Print the last lines of each container that is not ready: of its previous run, where that one ended."""
    status = status_of(pod)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if container.get("ready") or not (
            container.get("restartCount") or (container.get("state") or {}).get("running")
        ):
            continue
        namespace, name = namespace_of(pod), str(pod["metadata"]["name"])
        previous = ["--previous"] if (container.get("state") or {}).get("waiting") else []
        options = ["--container", container["name"], *previous, f"--tail={LINES}"]
        out.print(f"[bold]kubectl logs {escape(' '.join([name, '--namespace', namespace, *options]))}[/bold]")
        try:
            out.print(kubectl.logs(namespace, name, *options, timeout=30).rstrip() or "(nothing)", markup=False)
        except UserError as refusal:
            out.print(f"(no logs: {refusal})", markup=False)
