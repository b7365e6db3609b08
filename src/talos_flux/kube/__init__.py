"""Reads the cluster through its API, and does nothing else: no module in here can write."""
