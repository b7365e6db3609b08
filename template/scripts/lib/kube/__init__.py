"""Reading the cluster through its API, and nothing else: no module in here can write."""
