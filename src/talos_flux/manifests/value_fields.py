"""Parts of charts' values that the chart hands on to Kubernetes as they are, whose fields are therefore known."""

from collections.abc import Iterator
from typing import Any

from talos_flux.manifests.objects import Object
from talos_flux.manifests.pod_specs import CONTAINERS
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping
from talos_flux.manifests.schemas import Schema, schema_of

OF_CONTAINER: Schema = {"ref": "io.k8s.api.core.v1.SecurityContext"}
OF_POD: Schema = {"ref": "io.k8s.api.core.v1.PodSecurityContext"}
INSTANCE = ("fluxcd.controlplane.io/v1", "FluxInstance")


def handed_on(release: Release) -> Iterator[tuple[Object, Keys, Any, Schema]]:
    """Yield the parts, each with its keys from the object and its schema."""
    if release.is_app_template:
        for keys, value, schema in _of_app_template(release):
            if isinstance(value, dict):
                yield release.item, keys, value, schema
    elif release.chart == "flux-instance" and (instance := schema_of(*INSTANCE)):
        # templates/instance.yaml of the chart writes each field of sync by its name.
        sync = instance["fields"]["spec"]["fields"]["sync"]
        keys = (*VALUES, "instance", "sync")
        if isinstance(value := release.get("instance", "sync"), dict):
            yield release.item, keys, value, {**sync, "required": ()}


def _of_app_template(release: Release) -> Iterator[tuple[Keys, Any, Schema]]:
    """Yield what its library takes for pods and containers as it is: lib/pod and lib/container/fields."""
    named = (("defaultPodOptions", OF_POD), ("defaultContainerOptions", OF_CONTAINER))
    yield from _contexts(release.values, VALUES, named)
    for name, controller in mapping(release.get("controllers")).items():
        keys = (*VALUES, "controllers", name)
        yield from _contexts(controller, keys, (("pod", OF_POD), ("defaultContainerOptions", OF_CONTAINER)))
        for group in CONTAINERS:
            for key, container in mapping(mapping(controller).get(group)).items():
                where = (*keys, group, key, "securityContext")
                yield where, mapping(container).get("securityContext"), OF_CONTAINER


def _contexts(values: Any, above: Keys, named: tuple[tuple[str, Schema], ...]) -> Iterator[tuple[Keys, Any, Schema]]:
    for name, schema in named:
        yield (*above, name, "securityContext"), mapping(mapping(values).get(name)).get("securityContext"), schema
