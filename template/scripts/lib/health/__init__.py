"""What is wrong in a cluster, in words: a module for each part of it, from a snapshot of its objects alone."""
