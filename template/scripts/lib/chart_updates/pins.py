"""Which version of which chart this repository asks for, in which line, and who gets it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lib.chart_updates.versions import number_of
from lib.checks.charts import Keys, Release, mapping, releases
from lib.checks.flux import Cluster
from lib.checks.objects import SOURCES, Object, Place

TAG: Keys = ("spec", "ref", "tag")
VERSION: Keys = ("spec", "version")
CHART: Keys = ("spec", "chart", "spec")


@dataclass(frozen=True)
class Source:
    """Where a chart comes from: `url` is an OCI chart's own address, or that of the HTTP repository it is in."""

    url: str
    chart: str
    plain_http: bool = False

    @property
    def is_oci(self) -> bool:
        """Whether it is a registry's."""
        return self.url.startswith("oci://")

    def __str__(self) -> str:
        return self.url if self.is_oci else f"{self.url} ({self.chart})"


@dataclass(eq=False)
class Pin:
    """A version that stands in one line. `reason` says why there is nothing to compare; then `source` can be None."""

    source: Source | None
    version: str
    item: Object
    keys: Keys
    reason: str = ""
    releases: list[Release] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Its line."""
        return self.item.at(*self.keys)

    @property
    def chart(self) -> str:
        """The chart's name."""
        return self.releases[0].chart

    @property
    def users(self) -> list[str]:
        """namespace/name of the releases that get this version."""
        return [name_of(release) for release in self.releases]


def name_of(release: Release) -> str:
    """A release as one names it: the namespace it runs in, and its own name."""
    return f"{release.item.namespace}/{release.item.name}"


def pins(cluster: Cluster) -> list[Pin]:
    """Every version of a chart, by its place; releases that share a source share its pin."""
    found: dict[tuple[str, int, int], Pin] = {}
    for release in releases(cluster):
        pin = _pin(cluster, release)
        # One line can hold several objects only in JSON; the object's own line tells these apart.
        key = (pin.place.path, pin.place.line, pin.item.content.line)
        found.setdefault(key, pin).releases.append(release)
    return sorted(found.values(), key=lambda pin: pin.users)


def settings(cluster: Cluster) -> Mapping[str, str]:
    """What Flux fills into values."""
    known = cluster.find("ConfigMap", "flux-system", "cluster-settings")
    return mapping(known.get("data")) if known else {}


def _pin(cluster: Cluster, release: Release) -> Pin:
    item = release.item
    if reference := mapping(item.get("spec", "chartRef")):
        kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
        source = cluster.find(kind, str(reference.get("namespace") or item.namespace), name)
        if source is None:
            return Pin(None, "", item, ("spec", "chartRef"), f"its {kind} {name} is not in this repository")
        if source.is_a("OCIRepository", SOURCES):
            return _checked(cluster, source, TAG, _of_artifact(source))
        return _checked(cluster, source, VERSION, _of_chart(cluster, source, ("spec",)))
    return _checked(cluster, item, (*CHART, "version"), _of_chart(cluster, item, CHART))


def _of_artifact(item: Object) -> Source | str:
    """An OCIRepository's source, or why there is none to ask."""
    reference = mapping(item.spec.get("ref"))
    if reference.get("digest") or "@" in str(reference.get("tag", "")):
        return "it is pinned by a digest, which has no newer one: write a tag to see updates"
    if reference.get("semver"):
        return f"it takes whatever is in the range {reference['semver']}: write a tag to see updates"
    if not reference.get("tag"):
        return "it takes whatever is the latest: write a tag to see updates"
    url = str(item.spec.get("url", "")).rstrip("/")
    if not url.startswith("oci://"):
        return f"its address {url or '(empty)'} does not begin with oci://"
    return Source(url, url.rpartition("/")[2], item.spec.get("insecure") is True)


def _of_chart(cluster: Cluster, item: Object, keys: Keys) -> Source | str:
    """The source of what HelmRelease and HelmChart say alike: chart, version, sourceRef."""
    said = mapping(item.get(*keys))
    reference = mapping(said.get("sourceRef"))
    kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
    if kind != "HelmRepository":
        return f"it comes from a {kind or 'source without a kind'}, which has no versions of charts"
    repository = cluster.find(kind, str(reference.get("namespace") or item.namespace), name)
    if repository is None:
        return f"its {kind} {name} is not in this repository"
    url, chart = str(repository.spec.get("url", "")).rstrip("/"), str(said.get("chart", ""))
    if repository.spec.get("type") == "oci" or url.startswith("oci://"):
        return Source(f"{url}/{chart}", chart, repository.spec.get("insecure") is True)
    if not url.startswith(("https://", "http://")):
        return f"its address {url or '(empty)'} is none of a chart repository"
    return Source(url, chart)


def _checked(cluster: Cluster, item: Object, keys: Keys, source: Source | str) -> Pin:
    """The pin, where its line says one full version."""
    written = cluster.as_written(item)
    version = str(item.get(*keys) or "")
    if isinstance(source, str):
        return Pin(None, version, written, keys, source)
    reason = ""
    if written.get(*keys) != item.get(*keys):
        reason = "a patch sets its version: see what is newer where the patch stands"
    elif "$" in version:
        reason = f"Flux fills its version in: {version}"
    elif number_of(version) is None:
        said = f"its version {version} is not one full version" if version else "it has no version"
        reason = f"{said}: write one like 1.2.3 to see updates"
    return Pin(source, version, written, keys, reason)


def wrong_with(cluster: Cluster) -> Iterator[str]:
    """The files that can't be read; what stands in them is unknown."""
    for place, why in cluster.unreadable:
        yield f"{place.path}:{place.line} {why}"
