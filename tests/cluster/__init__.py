"""A generated repository in a cluster whose machines are fake: Flux, its API server and its scheduler are real."""
