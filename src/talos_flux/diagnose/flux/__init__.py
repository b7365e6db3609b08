"""The state of each Flux object, and the cause of each failure, from a snapshot alone."""
