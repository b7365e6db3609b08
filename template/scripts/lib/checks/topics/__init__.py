"""Every topic's rules; importing this package knows them all."""

from lib.checks.topics import (
    fields,
    flux,
    graph,
    namespaces,
    network,
    patches,
    providers,
    registration,
    resources,
    secrets,
    substitution,
    versions,
)

__all__ = [
    "fields",
    "flux",
    "graph",
    "namespaces",
    "network",
    "patches",
    "providers",
    "registration",
    "resources",
    "secrets",
    "substitution",
    "versions",
]
