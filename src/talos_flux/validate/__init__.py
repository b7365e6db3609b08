"""Checks of this repository by other tools; talos_flux.check has the repository's own rules."""
