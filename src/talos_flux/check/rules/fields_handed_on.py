"""Rule about fields in charts' values that the chart hands on to Kubernetes or Flux as they are."""

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.releases import VALUES, releases
from talos_flux.manifests.schemas import unknown_fields
from talos_flux.manifests.value_fields import handed_on


@rule(
    "value-field-unknown",
    Severity.WARNING,
    "A chart hands this on as it is, and a field that is of no such kind is dropped: it has no effect.",
    "Correct the name, or move it: fsGroup is of a pod, in defaultPodOptions or pod, and of no container.",
)
def value_field_unknown(cluster: Cluster) -> Violations:
    """Find fields that security contexts of app-template, or the sync of flux-instance, do not have."""
    for release in releases(cluster):
        for item, above, value, schema in handed_on(release):
            for keys, known in unknown_fields(value, schema, above):
                near = closest(str(keys[-1]), known)
                where = ".".join(map(str, keys[len(VALUES) : -1]))
                yield (
                    item.at(*keys),
                    f"{where} of {item} has no field {keys[-1]}{f': did you mean {near}?' if near else ''}",
                )
