"""Rules about labels of Namespaces that stand among the annotations, and annotations that stand among the labels."""

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place

# What is looked for in one of the two only: https://kubernetes.io/docs/concepts/security/pod-security-admission and
# https://volsync.readthedocs.io/en/stable/usage/permissionmodel.html.
LABELS = {
    f"pod-security.kubernetes.io/{mode}{end}" for mode in ("audit", "enforce", "warn") for end in ("", "-version")
}
ANNOTATIONS = {"volsync.backube/privileged-movers"}


@rule(
    "label-misplaced",
    Severity.WARNING,
    "Whoever looks for a label of a Namespace does not see an annotation of that name, and the other way round.",
    "Move it to the labels, or to the annotations.",
)
def label_misplaced(cluster: Cluster) -> Violations:
    """Find labels among the annotations of Namespaces, and annotations among their labels, once in a component."""
    seen: set[Place] = set()
    for item in cluster.applied:
        if not item.is_a("Namespace", ""):
            continue
        for field, others, meant in (("annotations", LABELS, "a label"), ("labels", ANNOTATIONS, "an annotation")):
            other = "labels" if field == "annotations" else "annotations"
            for name in getattr(item, field):
                place = item.at("metadata", field, name)
                if name in others and name not in getattr(item, other) and place not in seen:
                    seen.add(place)
                    yield place, f"{name} of Namespace {item.name} has to be {meant}"
