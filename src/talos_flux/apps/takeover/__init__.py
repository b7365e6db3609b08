"""What happens to a cluster's objects when another repository replaces the one that Flux followed."""
