"""Look whether the images of pods are there, in the registries that they name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from talos_flux.charts import ChartUnavailable, NotThere
from talos_flux.charts.at_hand import Registries
from talos_flux.charts.chart_values import NotJudged
from talos_flux.charts.pins import ChartOrigin
from talos_flux.charts.value_schemas import substituted
from talos_flux.check.rule import Finding, Rule, Severity
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.pod_specs import pods
from talos_flux.manifests.post_build import variables_in

MISSING_IMAGE = Rule(
    "image-missing",
    Severity.ERROR,
    "A pod whose image is not in its registry never starts.",
    "Write a tag that there is.",
)
# https://pkg.go.dev/github.com/distribution/reference: a name, a tag, a digest.
REFERENCE = re.compile(
    r"(?P<name>[a-z0-9][\w./:\[\]-]*?)(?::(?P<tag>[A-Za-z0-9_][\w.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?",
    re.IGNORECASE | re.ASCII,
)
DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Image:
    """An image: its registry, its path there, and a digest or else a tag."""

    host: str
    path: str
    version: str

    @property
    def source(self) -> ChartOrigin:
        """Return where it comes from."""
        return ChartOrigin(f"oci://{self.host}/{self.path}", self.path.rpartition("/")[2])

    def __str__(self) -> str:
        return f"{self.host}/{self.path}{'@' if ':' in self.version else ':'}{self.version}"


def image_of(text: str) -> Image | None:
    """Return the image of a reference as containerd reads it; None when it is none, or variables are left in it."""
    match = REFERENCE.fullmatch(text)
    if not match:
        return None
    first, _, rest = match["name"].partition("/")
    if not rest or not (re.search(r"[.:]", first) or first == "localhost"):
        host, path = DOCKER_HUB, match["name"] if rest else f"library/{match['name']}"
    else:
        host, path = first, rest
    if not re.fullmatch(r"[a-z0-9]+(?:[._-]+[a-z0-9]+|/[a-z0-9]+)*", path):
        return None
    return Image(host, path, match["digest"] or match["tag"] or "latest")


def reference(value: Any) -> str:
    """Return what an image says, as one text: app-template has it in parts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or not value.get("repository"):
        return ""
    tag, digest = value.get("tag"), value.get("digest")
    return f"{value['repository']}{f':{tag}' if tag is not None else ''}{f'@{digest}' if digest else ''}"


class ImageJudgement:
    """Which images of a cluster are not there, and of which nobody knows."""

    def __init__(self, cluster: Cluster, registries: Registries) -> None:
        self._cluster = cluster
        self._registries = registries
        self.not_judged: list[NotJudged] = []

    def findings(self, chosen: set[str] | None) -> Iterator[Finding]:
        """Yield the images in these files, None for all, that their registries don't have."""
        places: dict[Image, list[Place]] = {}
        for image, place in self._images():
            if chosen is None or place.path in chosen:
                places.setdefault(image, []).append(place)
        hosts = {image: image.host for image in places}
        for image, reason in self._registries.images(hosts).items():
            if isinstance(reason, NotThere):
                text = f"{image} is not there: {reason}"
                yield from (Finding(MISSING_IMAGE, place, text) for place in dict.fromkeys(places[image]))
            elif isinstance(reason, ChartUnavailable):
                self.not_judged.append(NotJudged(str(image), reason))

    def _images(self) -> Iterator[tuple[Image, Place]]:
        for pod in pods(self._cluster):
            variables = variables_in(self._cluster).of(pod.kustomization)
            for container in pod.containers:
                value, keys = container.find("image")
                if image := image_of(reference(substituted(value, variables))):
                    # The line of the tag is the one to change.
                    is_apart = isinstance(value, dict) and "tag" in value
                    yield image, container.item.at(*keys, *(("tag",) if is_apart else ()))
