"""The Secrets of a cluster: which ones bootstrap/secrets.yaml declares, and the store that keeps their values."""
