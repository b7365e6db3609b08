"""Rule about claims that name their volume, which has to be one that they can have."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster, Kustomization
from talos_flux.manifests.objects import Object
from talos_flux.manifests.post_build import Variables, variables_in
from talos_flux.manifests.releases import Keys, mapping, sequence

UNITS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?")
Applied = tuple[Kustomization, Object]


@rule(
    "claim-volume-differs",
    Severity.ERROR,
    "A claim is bound to the volume that it names only where class, modes and size fit, and waits for ever otherwise.",
    "Write the same storageClassName in both, a mode that the volume has, and no more than its size.",
)
def claim_volume_differs(cluster: Cluster) -> Violations:
    """Find claims that do not fit the PersistentVolume that they name, or that names them."""
    variables = variables_in(cluster)
    applied = [(each, item) for each in cluster.kustomizations for item in each.objects]
    volumes = {_name(variables, one): one for one in applied if one[1].is_a("PersistentVolume", "")}
    named_by = {_claim_of(volume): (home, volume) for home, volume in volumes.values()}
    for home, claim in applied if volumes else ():
        if claim.is_a("PersistentVolumeClaim", ""):
            name = variables.resolve(claim.spec.get("volumeName") or "", home, claim)
            volume = volumes.get(name) if name else named_by.get((claim.namespace, _name(variables, (home, claim))))
            if volume:
                for keys, problem in _problems(variables, (home, claim), volume):
                    yield claim.at("spec", *keys), f"{claim} and {volume[1]} {problem}"


def _name(variables: Variables, one: Applied) -> str:
    home, item = one
    return variables.resolve(item.name, home, item)


def _claim_of(volume: Object) -> tuple[str, str]:
    reference = mapping(volume.spec.get("claimRef"))
    return str(reference.get("namespace") or ""), str(reference.get("name") or "")


def _problems(variables: Variables, of_claim: Applied, of_volume: Applied) -> Iterator[tuple[Keys, str]]:
    """Yield what differs; a claim without a class has the default one, which admission gives it."""

    def said(one: Applied, *keys: str) -> str:
        value = one[1].get("spec", *keys)
        return variables.resolve(str(value), *one) if value is not None else ""

    claim, volume = of_claim[1], of_volume[1]
    ours, theirs = said(of_claim, "storageClassName"), said(of_volume, "storageClassName")
    is_said = claim.spec.get("storageClassName") is not None
    if is_said and ours != theirs and "$" not in ours + theirs:
        yield ("storageClassName",), f"have the classes {ours or '(none)'} and {theirs or '(none)'}"
    modes = [str(mode) for mode in sequence(claim.spec.get("accessModes"))]
    offered = [str(mode) for mode in sequence(volume.spec.get("accessModes"))]
    missing = [mode for mode in modes if offered and mode not in offered and "$" not in "".join((mode, *offered))]
    if missing:
        yield ("accessModes",), f"differ: {', '.join(missing)} is none of {', '.join(offered)}"
    size = _size(said(of_claim, "resources", "requests", "storage"))
    capacity = _size(said(of_volume, "capacity", "storage"))
    if size and capacity and size > capacity:
        yield ("resources", "requests", "storage"), "differ: the claim wants more than the volume has"


def _size(text: str) -> float:
    """Return a quantity as a number; zero where it is none."""
    match = QUANTITY.fullmatch(text)
    return float(match[1]) * UNITS[match[2] or ""] if match else 0
