"""Every topic's rules; importing this package knows them all."""

from lib.checks.topics import flux, graph, namespaces, network, registration, resources

__all__ = ["flux", "graph", "namespaces", "network", "registration", "resources"]
