"""The check of the API server itself."""

from talos_flux.diagnose.problem import CheckResult, Level, Problem
from talos_flux.kube.snapshot import Snapshot

# Two dozen lists take a tenth of this on a small healthy machine.
SLOW_SECONDS = 5


def api(snapshot: Snapshot) -> CheckResult:
    """Check whether the API answers in time. That it answers at all is known from there being a snapshot."""
    problems = []
    if snapshot.seconds > SLOW_SECONDS:
        text = f"took {snapshot.seconds:.0f} seconds to list what there is: is etcd's disk slow, or a controller busy?"
        problems.append(Problem(Level.WARNING, "API", text, command="kubectl get --raw '/readyz?verbose'"))
    return CheckResult("API", f"answered in {snapshot.seconds:.1f} seconds", tuple(problems))
