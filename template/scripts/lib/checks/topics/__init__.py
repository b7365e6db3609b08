"""Every topic's rules; importing this package knows them all."""

from lib.checks.topics import (
    fields,
    flux,
    graph,
    namespaces,
    patches,
    providers,
    registration,
    secrets,
    substitution,
    versions,
)

__all__ = [
    "fields",
    "flux",
    "graph",
    "namespaces",
    "patches",
    "providers",
    "registration",
    "secrets",
    "substitution",
    "versions",
]
