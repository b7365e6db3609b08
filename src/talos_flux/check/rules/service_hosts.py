"""Rule about host names of Services in texts: values, environment variables, configuration files."""

import re
from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.errors import closest
from talos_flux.manifests.elsewhere import elsewhere
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.maker_table import ALWAYS_THERE
from talos_flux.manifests.makers import made_in
from talos_flux.manifests.objects import Object, walk
from talos_flux.manifests.providers import providers
from talos_flux.manifests.reference_table import NAMESPACE

LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
# <service>.<namespace>.svc, at the beginning of which there is no other label, placeholder or variable.
HOST = re.compile(
    rf"(?<![-\w.$}}>*])(?P<service>{LABEL})\.(?P<namespace>{LABEL})\.svc(?=\.cluster\.local|[:/\s\"',;)\]]|$)",
    re.MULTILINE,
)
COMMENT = re.compile(r"^\s*(?:#|//|;|--).*$", re.MULTILINE)


@rule(
    "host-namespace-unknown",
    Severity.WARNING,
    "The name of a Service resolves only where its namespace is there.",
    "Write the namespace that the Service is in.",
)
def host_namespace_unknown(cluster: Cluster) -> Violations:
    """Find host names of Services in namespaces that nobody makes, each once in an object."""
    made, everywhere = made_in(cluster), elsewhere(cluster)
    namespaces = {item.name for item in cluster.applied if item.is_a("Namespace", "")} | ALWAYS_THERE
    used = {item.namespace for item in cluster.applied}
    for item in cluster.applied:
        if ".svc" not in item.file.text:
            continue
        seen: set[str] = set()
        for keys, host, namespace in _hosts(item):
            if host in seen or namespace in namespaces | used or made.has(NAMESPACE, "", namespace):
                continue
            seen.add(host)
            if providers(cluster).is_bootstrapped(namespace) or everywhere.may_hold("Namespace", "", namespace):
                continue
            near = closest(namespace, namespaces)
            hint = f": did you mean {near}?" if near else ""
            yield item.at(*keys), f"{item.kind} {item.name} asks {host}, and nobody makes namespace {namespace}{hint}"


def _hosts(item: Object) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Yield the hosts in the texts of an object, with the keys of the text and the namespace; none of comments."""
    for keys, value in walk(item.content):
        if isinstance(value, str) and ".svc" in value:
            for match in HOST.finditer(COMMENT.sub("", value)):
                yield keys, match[0], match["namespace"]
