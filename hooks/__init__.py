"""What runs once, when a namespace or an app is added to a cluster: checks, Copier's own copy, registration."""
