"""The keys of Flux' objects, and their names on the command line of `flux`."""

from typing import NamedTuple

from talos_flux.kube.accessors import Object, name_of, namespace_of

# The kinds on the command line of `flux`: https://fluxcd.io/flux/cmd/flux_resume/
RESOURCES = {
    "Kustomization": "kustomization",
    "HelmRelease": "helmrelease",
    "GitRepository": "source git",
    "OCIRepository": "source oci",
    "HelmRepository": "source helm",
    "HelmChart": "source chart",
}
# The default namespace of `flux`.
HOME = "flux-system"


class ObjectKey(NamedTuple):
    """An object: its kind, and <namespace>/<name>, or its name alone where it has no namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def namespace(self) -> str:
        """Return the namespace; empty for an object without one."""
        return self.name.rpartition("/")[0]

    @property
    def short(self) -> str:
        """Return the name without the namespace."""
        return self.name.rpartition("/")[2]


def key_of(item: Object) -> ObjectKey:
    """Return an object's key."""
    return ObjectKey(str(item["kind"]), name_of(item))


def placed(namespace: str) -> str:
    """Return the option of `flux` for a namespace; empty for flux-system, which is its default."""
    return "" if namespace == HOME else f" --namespace {namespace}"


def flux_command(verb: str, item: Object, options: str = "") -> str:
    """Return `flux <verb>` for an object, such as resume or reconcile."""
    return f"flux {verb} {RESOURCES[item['kind']]} {item['metadata']['name']}{placed(namespace_of(item))}{options}"


def events_command(item: Object) -> str:
    """Return the command that shows what Flux did with an object, step by step."""
    return f"flux events --for {item['kind']}/{item['metadata']['name']}{placed(namespace_of(item))}"


def retry_command(item: Object) -> str:
    """Return the command that begins anew with a release that has given up."""
    return flux_command("reconcile", item, " --reset --force")


def listed(names: list[str], most: int = 6) -> str:
    """Return names in one line, at most the first `most`."""
    return ", ".join([*names[:most], "…"] if len(names) > most else names)
