"""The API server itself."""

from lib.health.problems import Level, Part, Problem
from lib.kube.snapshot import Snapshot

# Two dozen lists take a tenth of this on a small machine that is well.
SLOW_SECONDS = 5


def api(snapshot: Snapshot) -> Part:
    """Whether it answers in time. That it answers at all shows in there being a snapshot."""
    problems = []
    if snapshot.seconds > SLOW_SECONDS:
        text = f"took {snapshot.seconds:.0f} seconds to list what there is: is etcd's disk slow, or a controller busy?"
        problems.append(Problem(Level.WARNING, "API", text, command="kubectl get --raw '/readyz?verbose'"))
    return Part("API", f"answered in {snapshot.seconds:.1f} seconds", tuple(problems))
