"""How Flux stands: of each object its state, of what fails the cause, in words; from a snapshot alone."""
