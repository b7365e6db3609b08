"""Every topic's rules; importing this package knows them all."""

from lib.checks.topics import flux, graph, namespaces, patches, providers, registration

__all__ = ["flux", "graph", "namespaces", "patches", "providers", "registration"]
