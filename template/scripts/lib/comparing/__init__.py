"""What becomes of a cluster's objects when another repository takes the place of the one that Flux followed."""
