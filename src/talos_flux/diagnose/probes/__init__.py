"""The checks of a cluster: a module for each part of it, from a snapshot of its objects alone."""
