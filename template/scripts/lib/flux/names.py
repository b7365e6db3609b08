"""Flux' objects by name, and its command line's words for them."""

from typing import NamedTuple

from lib.kube.objects import Object, name_of, namespace_of

# What `flux` calls a kind: https://fluxcd.io/flux/cmd/flux_resume/
WORDS = {
    "Kustomization": "kustomization",
    "HelmRelease": "helmrelease",
    "GitRepository": "source git",
    "OCIRepository": "source oci",
    "HelmRepository": "source helm",
    "HelmChart": "source chart",
}
# The namespace that `flux` looks into unless told otherwise.
HOME = "flux-system"


class Key(NamedTuple):
    """An object: its kind, and <namespace>/<name> or its name where it has no namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def namespace(self) -> str:
        """Empty for what has none."""
        return self.name.rpartition("/")[0]

    @property
    def short(self) -> str:
        """Its name alone."""
        return self.name.rpartition("/")[2]


def key_of(item: Object) -> Key:
    """An object's."""
    return Key(str(item["kind"]), name_of(item))


def placed(namespace: str) -> str:
    """The option of `flux` for a namespace, where it needs one."""
    return "" if namespace == HOME else f" --namespace {namespace}"


def flux_command(verb: str, item: Object, options: str = "") -> str:
    """`flux <verb>` for an object, such as resume or reconcile."""
    return f"flux {verb} {WORDS[item['kind']]} {item['metadata']['name']}{placed(namespace_of(item))}{options}"


def events_command(item: Object) -> str:
    """What Flux did with an object, step by step."""
    return f"flux events --for {item['kind']}/{item['metadata']['name']}{placed(namespace_of(item))}"


def retry_command(item: Object) -> str:
    """Begin anew with a release that has given up."""
    return flux_command("reconcile", item, " --reset --force")


def listed(names: list[str], most: int = 6) -> str:
    """Names in one line, the first of many."""
    return ", ".join([*names[:most], "…"] if len(names) > most else names)
