#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Say how an app is, from Flux down to its containers: what each says of itself, the last events, the failing logs.

Looking changes nothing.

Exit codes: 0 healthy, 1 warnings, 2 critical, 3 something could not be looked at.
"""

from collections.abc import Iterator

from rich.markup import escape

from lib import appstate
from lib.appstate import WORKLOADS, App
from lib.arguments import FAILED, Parser
from lib.flux.graph import moment_of, warnings_of
from lib.health.pods import of_job, of_pod, of_workload
from lib.health.problems import Level, Part, Problem
from lib.health.report import Report, show
from lib.health.storage import of_claim
from lib.kube.kinds import CLAIM, JOB, POD, STORAGE_CLASS
from lib.kube.objects import (
    Object,
    age_of,
    condition_of,
    is_observed,
    is_true,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from lib.process import run
from lib.refusal import Refusal
from lib.terminal import command, out

EVENTS, LINES = 8, 20


def of_flux(item: Object, app: App) -> Iterator[Problem]:
    """What Flux says of one of its objects."""
    kind, namespace, name = str(item["kind"]), namespace_of(item), str(item["metadata"]["name"])
    subject, ready = f"{kind} {name_of(item)}", condition_of(item)
    events = f"flux events --for {kind}/{name} --namespace {namespace}"
    if spec_of(item).get("suspend"):
        text = "is suspended: Flux leaves it alone"
        yield Problem(Level.WARNING, subject, text, namespace, f"task flux:resume APP={app.name}")
    elif not is_true(item) or not is_observed(item):
        said = str(ready.get("message") or "Flux has not looked at it").rstrip(".")
        gave_up = is_true(item, "Stalled")
        text = f"has given up: {said}" if gave_up else f"is not ready: {said}"
        again = f"task flux:retry APP={app.name}" if gave_up and kind == "HelmRelease" else events
        yield Problem(Level.CRITICAL, subject, text, namespace, again)


def of_flux_in_words(item: Object) -> str:
    """What is applied of it."""
    status = status_of(item)
    history = status.get("history")
    latest = history[0].get("chartVersion") if isinstance(history, list) and history else None
    applied = latest or status.get("lastAppliedRevision") or "nothing yet"
    return f"{item['kind']} {name_of(item)} at {applied}"


def examine(app: App) -> tuple[Report, list[Object]]:
    """What is wrong, and the pods that it is wrong with."""
    workloads = [item for item in app.snapshot.of(*WORKLOADS) if app.is_of(item)]
    pods = [pod for pod in app.snapshot.of(POD) if any(selects(item, pod) for item in workloads) or app.is_of(pod)]
    claims = [item for item in app.snapshot.of(CLAIM) if app.is_of(item)]
    classes = {str(one["metadata"]["name"]): one for one in app.snapshot.of(STORAGE_CLASS)}
    failing = [pod for pod in pods if any(of_pod(pod))]
    named = {name_of(item) for item in failing}
    of_flux_objects = [problem for item in app.objects for problem in of_flux(item, app)]
    of_pods = [problem for pod in pods for problem in of_pod(pod)]
    for item in workloads:
        if item["kind"] == JOB.name:
            of_pods += of_job(item)
        elif not any(selects(item, pod) and name_of(pod) in named for pod in pods):
            of_pods += of_workload(item)
    of_claims = [problem for claim in claims for problem in of_claim(claim, classes, app.snapshot)]
    parts = [
        Part("Flux", "; ".join(map(of_flux_in_words, app.objects)), tuple(of_flux_objects)),
        Part("pods", f"{len(pods)} pods of {len(workloads)} workloads", tuple(of_pods)),
        Part("volumes", f"{len(claims)} claims", tuple(of_claims)),
    ]
    denied = [f"{kind.plural} can't be looked at: {reason}." for kind, reason in sorted(app.snapshot.denied.items())]
    return Report(parts, denied, verbose=True), failing


def selects(workload: Object, pod: Object) -> bool:
    """Whether a pod is a workload's."""
    wanted = (spec_of(workload).get("selector") or {}).get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(wanted) and namespace_of(pod) == namespace_of(workload) and wanted.items() <= labels.items()


def events_of(app: App, names: set[tuple[str, str]]) -> list[Object]:
    """The last warnings about objects, each by its kind and <namespace>/<name>, the newest last."""
    here = [event for about, events in warnings_of(app.snapshot).items() if about in names for event in events]
    return sorted(here, key=moment_of)[-EVENTS:]


def show_logs(pod: Object) -> None:
    """The last lines of each container of a pod that is not ready: of its last run, where that one ended."""
    status = status_of(pod)
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if container.get("ready") or not (
            container.get("restartCount") or (container.get("state") or {}).get("running")
        ):
            continue
        namespace, name = namespace_of(pod), str(pod["metadata"]["name"])
        previous = ["--previous"] if (container.get("state") or {}).get("waiting") else []
        words = ["logs", name, "--namespace", namespace, "--container", container["name"], *previous, f"--tail={LINES}"]
        out.print(f"[bold]kubectl {escape(' '.join(words))}[/bold]")
        try:
            out.print(run("kubectl", *words, timeout=30).rstrip() or "(nothing)", markup=False)
        except Refusal as refusal:
            out.print(f"(no logs: {refusal})", markup=False)


def main() -> int:
    """Whatever is not ready names its reason."""
    parser = Parser(__doc__)
    parser.add_argument("--app", required=True, help="<namespace>/<app>")
    parser.add_argument("--json", action="store_true", help="for programs, without the logs")
    arguments = parser.parse_args()
    app = appstate.find(arguments.app)
    report, failing = examine(app)
    show(report, out, as_json=arguments.json)
    if not arguments.json:
        show_more(app, failing)
    return FAILED if report.unknown else int(report.level)


def show_more(app: App, failing: list[Object]) -> None:
    """What Kubernetes warned of last, and the logs of what fails."""
    mine = [(str(item["kind"]), name_of(item)) for item in app.objects]
    mine += [
        (kind.name, name_of(item)) for kind in (*WORKLOADS, CLAIM) for item in app.snapshot.of(kind) if app.is_of(item)
    ]
    mine += [(POD.name, name_of(pod)) for pod in failing]
    if events := events_of(app, set(mine)):
        out.print("[bold]last warnings[/bold]")
        for event in events:
            what = event["involvedObject"]
            said = " ".join(str(event.get("message")).split())
            out.print(f"  {age_of(moment_of(event))} ago, {what['kind']} {what['name']}: {said}", markup=False)
    for pod in failing:
        show_logs(pod)


if __name__ == "__main__":
    command(main, failed=FAILED)
