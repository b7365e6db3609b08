"""The rules, a module for each subject. Importing this package registers them all."""

from talos_flux.check.rule import RULES, findings
from talos_flux.check.rules import (
    builds,
    dependencies,
    dns_records,
    exposed_apps,
    fields,
    flux_objects,
    hashed_names,
    key_references,
    missing_providers,
    namespaces,
    patch_targets,
    pinned_versions,
    plain_secrets,
    registration,
    resources,
    source_references,
    substitution,
)

__all__ = [
    "RULES",
    "builds",
    "dependencies",
    "dns_records",
    "exposed_apps",
    "fields",
    "findings",
    "flux_objects",
    "hashed_names",
    "key_references",
    "missing_providers",
    "namespaces",
    "patch_targets",
    "pinned_versions",
    "plain_secrets",
    "registration",
    "resources",
    "source_references",
    "substitution",
]
