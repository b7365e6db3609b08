"""Every topic's rules. Whoever takes RULES or findings from here has them all."""

from lib.checks.rules import RULES, findings
from lib.checks.topics import (
    fields,
    flux,
    graph,
    keys,
    namespaces,
    network,
    patches,
    providers,
    records,
    registration,
    resources,
    secrets,
    substitution,
    versions,
)

__all__ = [
    "RULES",
    "fields",
    "findings",
    "flux",
    "graph",
    "keys",
    "namespaces",
    "network",
    "patches",
    "providers",
    "records",
    "registration",
    "resources",
    "secrets",
    "substitution",
    "versions",
]
