"""What a change of this repository does in the cluster: both sides are rendered by flate, charts included."""
